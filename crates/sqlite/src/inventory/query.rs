//! Queries of the impact index.

use rehearsal_worker::model::{ImageDigest, Selector};
use rehearsal_worker::ports::{ImpactRequest, Impacted};
use serde_json::json;
use tokio_rusqlite::rusqlite::{self, Connection, params};

/// Query with its values: tenant, selector and products. Lists are JSON, so that their lengths do
/// not change the text.
pub(super) struct ImpactStatement {
    text: String,
    tenant: String,
    selector: String,
    products: String,
}

/// Condition that an image contains one of the products.
const CONTAINS: &str = "image.id IN (
    SELECT image_id FROM image_component
    WHERE component_id IN (
        SELECT id FROM component WHERE product_key IN (SELECT value FROM json_each(?3))))";

/// Condition that an image uses one of the products from its entrypoint.
const USES: &str = "image.id IN (
    SELECT image_id FROM image_component
    WHERE at_entrypoint AND component_id IN (
        SELECT id FROM component WHERE product_key IN (SELECT value FROM json_each(?3))))";

impl ImpactStatement {
    pub fn of(request: &ImpactRequest<'_>) -> Self {
        let (selected, selector) = condition(request.selector);
        let contained = match (request.product_keys, request.usage_only) {
            ([], _) => "?3 IS NOT NULL",
            (_, false) => CONTAINS,
            (_, true) => USES,
        };
        // A digest has the place of the tenant's first image with it, matching or not.
        let text = format!(
            "SELECT digest, count(*), (
                 SELECT min(id) FROM image AS first
                 WHERE first.tenant = ?1 AND first.digest = image.digest) AS place
             FROM image WHERE tenant = ?1 AND {selected} AND {contained}
             GROUP BY digest ORDER BY place"
        );
        Self {
            text,
            tenant: request.tenant.to_string(),
            selector: selector.to_string(),
            products: json!(request.product_keys).to_string(),
        }
    }

    pub fn execute(&self, connection: &Connection) -> rusqlite::Result<Impacted> {
        let mut query = connection.prepare_cached(&self.text)?;
        let mut rows = query.query(params![self.tenant, self.selector, self.products])?;
        let mut impacted = Impacted::default();
        while let Some(row) = rows.next()? {
            impacted.digests.push(ImageDigest::new(row.get(0)?));
            impacted.candidates += row.get::<_, i64>(1)?.cast_unsigned();
        }
        Ok(impacted)
    }
}

/// Returns the condition on the images of a selector, and its value.
fn condition(selector: &Selector) -> (&'static str, serde_json::Value) {
    match selector {
        Selector::All => ("?2 IS NOT NULL", json!([])),
        Selector::ByNamespace(names) => (
            "image.id IN (SELECT image_id FROM image_namespace
                 WHERE namespace IN (SELECT value FROM json_each(?2)))",
            json!(names),
        ),
        Selector::ByRepository(names) => (
            "repository IN (SELECT value FROM json_each(?2))",
            json!(names),
        ),
        Selector::ByDigest(digests) => (
            // Without `sha256:`.
            "digest IN (SELECT unhex(substr(value, 8)) FROM json_each(?2))",
            json!(digests),
        ),
        Selector::ByLabel(labels) => (
            "NOT EXISTS (
                 SELECT 1 FROM json_each(?2) AS wanted WHERE NOT EXISTS (
                     SELECT 1 FROM image_label
                     WHERE image_id = image.id AND name = wanted.key AND value = wanted.value))",
            json!(labels),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::SCHEMA;

    #[test]
    fn queries_search_every_table_by_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let selectors = [
            Selector::All,
            Selector::ByNamespace(vec!["prod".into()]),
            Selector::ByRepository(vec!["web".into()]),
            Selector::ByDigest(vec![ImageDigest::new([1; 32])]),
            Selector::ByLabel([("tier".into(), "front".into())].into()),
        ];
        for selector in &selectors {
            for (product_keys, usage_only) in [(vec![], false), (vec!["zlib".into()], true)] {
                let statement = ImpactStatement::of(&ImpactRequest {
                    tenant: &"acme".into(),
                    selector,
                    product_keys: &product_keys,
                    usage_only,
                });
                let text = format!("EXPLAIN QUERY PLAN {}", statement.text);
                let mut plan = connection.prepare(&text).unwrap();
                let values = params![statement.tenant, statement.selector, statement.products];
                let steps = plan.query_map(values, |row| row.get("detail")).unwrap();
                let steps: Vec<String> = steps.map(Result::unwrap).collect();
                let scans = |step: &&String| step.starts_with("SCAN") && !step.contains("VIRTUAL");
                let scanned: Vec<_> = steps.iter().filter(scans).collect();
                assert!(scanned.is_empty(), "{scanned:?} in {steps:#?}");
            }
        }
    }
}
