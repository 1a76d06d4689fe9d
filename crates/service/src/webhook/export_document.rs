//! Exports as their publishers send them, and the store that takes them.

use std::sync::Arc;

use rehearsal_sqlite::SqliteStore;
use rehearsal_worker::model::{TenantId, Trigger};
use rehearsal_worker::ports::{Export, PortResult};
use serde::Deserialize;

/// Maximum number of characters of an identifier, which becomes part of the runs' identifiers.
const ID_LENGTH_MAX: usize = 200;

/// Takes exports and numbers them, so that triggers find each of them once.
pub trait ExportInbox: 'static {
    /// Publishes an export, whose number the store sets. Returns false if one of its kind and
    /// identifier was published before; nothing has changed then.
    fn publish(&self, export: Export) -> impl Future<Output = PortResult<bool>>;
}

impl ExportInbox for SqliteStore {
    async fn publish(&self, export: Export) -> PortResult<bool> {
        self.publish_export(export).await
    }
}

/// Body of a webhook. Other keys belong to the publisher and are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportBody {
    export_id: Arc<str>,
    #[serde(alias = "tenantId")]
    tenant: Option<TenantId>,
    #[serde(default)]
    changed_product_keys: Vec<Arc<str>>,
    #[serde(default)]
    changed_claims: Vec<ChangedClaim>,
    #[serde(default)]
    usage_only: bool,
}

/// Changed statement of a VEX export.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangedClaim {
    product_key: Arc<str>,
}

/// Reads the body of a webhook. The export has no number yet.
///
/// # Errors
/// The body is no export; what is wrong with it.
pub fn read_export(trigger: Trigger, body: &[u8]) -> Result<Export, String> {
    let body: ExportBody = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let id = body.export_id;
    let is_graphic = id.bytes().all(|byte| byte.is_ascii_graphic());
    if id.is_empty() || id.len() > ID_LENGTH_MAX || !is_graphic {
        return Err(format!(
            "`exportId` must have 1 to {ID_LENGTH_MAX} visible ASCII characters"
        ));
    }
    let mut product_keys = body.changed_product_keys;
    product_keys.extend(
        body.changed_claims
            .into_iter()
            .map(|claim| claim.product_key),
    );
    product_keys.sort_unstable();
    product_keys.dedup();
    if product_keys.is_empty() {
        return Err("`changedProductKeys` or `changedClaims` must name a product".to_owned());
    }
    Ok(Export {
        sequence: 0,
        id,
        trigger,
        tenant: body.tenant,
        product_keys,
        usage_only: body.usage_only,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_and_unknown_keys_ignored() {
        let body = br#"{"tenantId":"acme","exportId":"c-1","changedProductKeys":["b","a","b"],
            "kev":["CVE-2024-1"],"window":{"from":"x"}}"#;
        let export = read_export(Trigger::Conselier, body).unwrap();
        assert_eq!(export.product_keys, [Arc::from("a"), Arc::from("b")]);
        assert_eq!((&*export.id, export.tenant), ("c-1", Some("acme".into())));
        let body = br#"{"exportId":"e-1","usageOnly":true,
            "changedClaims":[{"productKey":"a","vulnerabilityId":"CVE-2024-1","status":"fixed"}]}"#;
        let export = read_export(Trigger::Excitor, body).unwrap();
        assert_eq!((export.product_keys.len(), export.tenant), (1, None));
        assert!(export.usage_only);
    }

    #[test]
    fn exports_without_identifier_or_products_are_refused() {
        for body in [
            "",
            "[]",
            r#"{"changedProductKeys":["a"]}"#,
            r#"{"exportId":"","changedProductKeys":["a"]}"#,
            r#"{"exportId":"a b","changedProductKeys":["a"]}"#,
            r#"{"exportId":"x"}"#,
            r#"{"exportId":"x","changedClaims":[{}]}"#,
        ] {
            let read = read_export(Trigger::Conselier, body.as_bytes());
            assert!(read.is_err(), "{body} was taken");
        }
    }
}
