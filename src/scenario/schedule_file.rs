//! Files of schedules: the `[[schedule]]` tables of a scenario, with or without the rest of it.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use super::{LoadError, Loader};
use crate::files::{ByteLimit, read_text};
use crate::model::Schedule;

/// Reads the schedules of a file, with all checks of scenarios. A file without a `[fleet]` may name
/// any tenant, namespace, repository or label, and each of its schedules needs a tenant: the tenant
/// of the others is empty.
///
/// # Errors
/// The file can't be read, or has errors.
pub fn read_schedules(loader: &Loader, path: &Path) -> Result<Vec<Schedule>, LoadError> {
    let text = read_text(path, ByteLimit::DOCUMENT)?;
    // A file that is no TOML gets its errors from the loader.
    let table: Table = text.parse().unwrap_or_default();
    let mut loader = loader.clone();
    for (key, value) in [("name", "schedules"), ("duration", "1h")] {
        if !table.contains_key(key) {
            loader.overrides.push(format!("{key}={value}"));
        }
    }
    let has_fleet = table.contains_key("fleet");
    if !has_fleet {
        loader.overrides.extend(fleet_overrides(&table));
    }
    let scenario = loader.parse_file(path, &text)?;
    let tenants = scenario.fleet.tenant_names();
    let default = tenants
        .first()
        .filter(|_| has_fleet)
        .map_or("", String::as_str);
    let schedules = scenario.schedules.iter();
    Ok(schedules
        .map(|schedule| schedule.definition(default))
        .collect())
}

/// Overrides that define every name that a schedule mentions.
fn fleet_overrides(table: &Table) -> Vec<String> {
    let schedules = table
        .get("schedule")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let schedules: Vec<&Value> = schedules.collect();
    let selectors = || {
        schedules
            .iter()
            .filter_map(|schedule| schedule.get("selector"))
    };
    let listed = |key: &str| {
        let lists = selectors().filter_map(|selector| selector.get(key)?.as_array());
        names(lists.flatten())
    };
    let tenants = schedules
        .iter()
        .filter_map(|schedule| schedule.get("tenant"));
    let lists = [
        ("tenants", names(tenants)),
        ("namespaces", listed("namespaces")),
        ("repositories", listed("repositories")),
    ];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    let mut overrides: Vec<String> = lists
        .map(|(key, names)| {
            let names = Value::Array(names.into_iter().map(Value::from).collect());
            format!("fleet.{key}={names}")
        })
        .collect();
    let labels = selectors().filter_map(|selector| selector.get("labels")?.as_table());
    let labels: BTreeSet<(&str, &str)> = labels
        .flatten()
        .filter_map(|(label, value)| Some((label.as_str(), value.as_str()?)))
        .collect();
    overrides.extend(labels.iter().map(|(label, value)| {
        // The share of images that carry it is of no account.
        format!(
            "fleet.labels.{}.{}=0",
            Value::from(*label),
            Value::from(*value)
        )
    }));
    overrides
}

fn names<'a>(values: impl Iterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    values.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::NamedTempFile;

    use super::*;
    use crate::check::scenario_loader;

    fn read(text: &str) -> Result<Vec<Schedule>, LoadError> {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read_schedules(&scenario_loader(&[]), file.path())
    }

    #[test]
    fn schedules_alone_may_use_any_name() {
        let schedules = read(
            "[[schedule]]\nid = \"a\"\ntenant = \"acme/sons\"\nwhenCron = \"0 2 * * *\"\n\
             selector = { scope = \"namespaces\", namespaces = [\"shop\"] }\n\
             [[schedule]]\nid = \"b\"\ntenant = \"globex\"\n\
             selector = { scope = \"repositories\", repositories = [\"shop/cart\"] }\n\
             [[schedule]]\nid = \"c\"\n\
             selector = { scope = \"labels\", labels = { \"a.b\" = \"x y\" } }\n",
        )
        .unwrap();
        let tenants: Vec<&str> = schedules
            .iter()
            .map(|found| found.tenant.as_str())
            .collect();
        assert_eq!(tenants, ["acme/sons", "globex", ""]);
    }

    #[test]
    fn schedules_of_a_scenario_are_read_with_its_fleet() {
        let schedules = read(&crate::scenario::starter("starter").unwrap()).unwrap();
        assert_eq!(schedules.len(), 2);
        let unknown = "[fleet]\ntenants = [\"a\"]\n[[schedule]]\nid = \"x\"\ntenant = \"b\"\n";
        let error = read(unknown).unwrap_err().to_string();
        assert!(error.contains("there is no tenant `b`"), "{error}");
    }

    #[test]
    fn errors_are_those_of_scenarios() {
        let error = read("[[schedule]]\nid = \"a\"\nwhenCron = \"soon\"\n").unwrap_err();
        assert!(matches!(error, LoadError::Invalid(_)), "{error}");
        assert!(read("[[schedule]\n").is_err());
    }
}
