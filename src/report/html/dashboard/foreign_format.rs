//! Recognition of documents that are not classic Grafana dashboards, so that the error names what
//! they are.

use serde_json::Value;

use super::DashboardError;

/// Key that identifies another format, with the beginning of its value.
struct FormatMarker {
    /// JSON pointer to the key.
    pointer: &'static str,
    /// Beginning of the text at the key. Empty: any value.
    begins: &'static str,
    /// Clause that names the format.
    what: &'static str,
}

const SIGNS: [FormatMarker; 12] = [
    sign(
        "/apiVersion",
        "dashboard.grafana.app/v2",
        "it is in Grafana's new model (schema v2)",
    ),
    sign("/elements", "", "it is in Grafana's new model (schema v2)"),
    sign(
        "/spec/elements",
        "",
        "it is in Grafana's new model (schema v2)",
    ),
    sign(
        "/kind",
        "GrafanaDashboard",
        "it is a Kubernetes resource around a dashboard",
    ),
    sign("/spec/layouts", "", "it is a dashboard of Perses"),
    sign(
        "/attributes/panelsJSON",
        "",
        "it is a saved object of Kibana",
    ),
    sign("/panelsJSON", "", "it is a saved object of Kibana"),
    sign("/layout_type", "", "it is a dashboard of Datadog"),
    sign("/widgets", "", "it is a dashboard of Datadog or CloudWatch"),
    sign("/pages", "", "it is a dashboard of New Relic"),
    sign(
        "/mosaicLayout",
        "",
        "it is a dashboard of Google Cloud Monitoring",
    ),
    sign(
        "/rows",
        "",
        "it is from before Grafana 5, with `rows` in place of a grid; import and export it once",
    ),
];

const fn sign(pointer: &'static str, begins: &'static str, what: &'static str) -> FormatMarker {
    FormatMarker {
        pointer,
        begins,
        what,
    }
}

/// Refuses documents of another format.
pub(super) fn refuse(document: &Value) -> Result<(), DashboardError> {
    let what = match document {
        Value::Object(fields) if fields.get("panels").is_some_and(Value::is_array) => None,
        Value::Object(_) => {
            let fits = |sign: &&FormatMarker| {
                let value = document.pointer(sign.pointer);
                value.is_some_and(|value| {
                    sign.begins.is_empty()
                        || value
                            .as_str()
                            .is_some_and(|text| text.starts_with(sign.begins))
                })
            };
            SIGNS.iter().find(fits).map(|sign| sign.what)
        }
        Value::Array(_) => Some("it is a list"),
        _ => Some("it is a single value"),
    };
    match what {
        Some(what) => Err(DashboardError::Foreign(what.into())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dashboard;

    #[test]
    fn dashboard_of_another_product_is_named_in_the_error() {
        for (text, what) in [
            (
                r#"{"kind": "Dashboard", "metadata": {}, "spec": {"panels": {}, "layouts": []}}"#,
                "of Perses",
            ),
            (
                r#"{"type": "dashboard", "attributes": {"panelsJSON": "[]"}}"#,
                "of Kibana",
            ),
            (
                r#"{"title": "x", "layout_type": "ordered", "widgets": []}"#,
                "of Datadog",
            ),
            (r#"{"name": "x", "pages": []}"#, "of New Relic"),
            (
                r#"{"apiVersion": "dashboard.grafana.app/v2beta1", "spec": {"elements": {}}}"#,
                "schema v2",
            ),
            (
                r#"{"title": "x", "rows": [{"panels": []}]}"#,
                "before Grafana 5",
            ),
        ] {
            let error = Dashboard::parse(text).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
            assert!(error.contains("export one from Grafana"), "{error}");
        }
    }
}
