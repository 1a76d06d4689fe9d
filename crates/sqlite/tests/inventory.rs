//! Inventory and impact index: the answers are those of the index in memory.

use std::sync::Arc;

use proptest::prelude::*;
use rehearsal_sqlite::{Database, DatabaseOptions, SqliteInventory};
use rehearsal_worker::model::{Image, ImageDigest, Selector, TenantId};
use rehearsal_worker::planning::impact_index::ImpactIndex;
use rehearsal_worker::ports::{ImpactQuery, ImpactRequest};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio_rusqlite::rusqlite::Connection;

async fn create(directory: &TempDir) -> SqliteInventory {
    let options = DatabaseOptions {
        is_durable: false,
        ..DatabaseOptions::default()
    };
    let opened = Database::open(&directory.path().join("inventory.sqlite"), options).await;
    SqliteInventory::new(opened.unwrap_or_else(|error| panic!("{error}")))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// An image whose names are chosen by the bits of `traits`, with these components.
fn image(seed: u8, tenant: &str, traits: u8, components: &[(u8, bool)]) -> Image {
    let word = |text: &str, bit: u8| Arc::<str>::from(format!("{text}-{}", traits >> bit & 1));
    let namespaces = (0..traits >> 4 & 3).map(|bit| word("namespace", bit));
    Image {
        digest: ImageDigest::new([seed; 32]),
        tenant: tenant.into(),
        registry: "registry.example".into(),
        repository: word("repository", 0),
        namespaces: namespaces.collect(),
        tags: vec![word("tag", 6)],
        labels: [
            (Arc::from("tier"), word("tier", 2)),
            (Arc::from("te\"am"), word("team", 3)),
        ]
        .into(),
        components: components
            .iter()
            .map(|(number, used)| (format!("product-{number}").into(), *used))
            .collect(),
    }
}

fn images() -> impl Strategy<Value = Vec<Image>> {
    let components = prop::collection::vec((0_u8..6, any::<bool>()), 0..5);
    let parts = (0_u8..8, any::<bool>(), any::<u8>(), components);
    let image = parts.prop_map(|(seed, is_other, traits, components)| {
        image(seed, if is_other { "b" } else { "a" }, traits, &components)
    });
    prop::collection::vec(image, 0..24)
}

fn selectors() -> [Selector; 6] {
    [
        Selector::All,
        Selector::ByNamespace(vec!["namespace-1".into(), "nowhere".into()]),
        Selector::ByRepository(vec!["repository-0".into()]),
        Selector::ByDigest((0..5).map(|seed| ImageDigest::new([seed; 32])).collect()),
        Selector::ByLabel(
            [
                ("tier".into(), "tier-1".into()),
                ("te\"am".into(), "team-0".into()),
            ]
            .into(),
        ),
        Selector::ByLabel([].into()),
    ]
}

/// Writes an image to a list as the inventory does.
fn replace(known: &mut Vec<Image>, image: &Image) {
    let identity = |image: &Image| {
        let Image {
            tenant,
            registry,
            repository,
            digest,
            ..
        } = image.clone();
        (tenant, registry, repository, digest)
    };
    match known
        .iter_mut()
        .find(|old| identity(old) == identity(image))
    {
        Some(old) => old.clone_from(image),
        None => known.push(image.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn answers_equal_those_of_the_index_in_memory(
        edits in prop::collection::vec((images(), 0_u8..8), 1..3),
        products in prop::collection::vec(0_u8..8, 0..3),
    ) {
        let products: Vec<Arc<str>> =
            products.iter().map(|n| format!("product-{n}").into()).collect();
        let directory = tempfile::tempdir().unwrap();
        block_on(async {
            let inventory = create(&directory).await;
            let mut known = Vec::new();
            for (images, removed) in edits {
                images.iter().for_each(|image| replace(&mut known, image));
                inventory.put(images).await.unwrap();
                let (tenant, digest) = (TenantId::from("a"), ImageDigest::new([removed; 32]));
                let count = known.len();
                known.retain(|image| image.tenant != tenant || image.digest != digest);
                let removed = inventory.remove(&tenant, digest).await.unwrap();
                prop_assert_eq!(removed, (count - known.len()) as u64);
                let index = ImpactIndex::from_iter(known.clone());
                for (tenant, usage_only) in [("a", false), ("a", true), ("b", true), ("c", false)] {
                    for selector in &selectors() {
                        let request = ImpactRequest {
                            tenant: &TenantId::from(tenant),
                            selector,
                            product_keys: &products,
                            usage_only,
                        };
                        let found = inventory.resolve(&request).await.unwrap();
                        prop_assert_eq!(found, index.resolve(&request), "{:?}", request);
                    }
                }
            }
            Ok(())
        })?;
    }
}

fn line(digest: u8) -> String {
    let digest = ImageDigest::new([digest; 32]);
    format!(
        r#"{{"tenant":"a","digest":"{digest}","registry":"r.example","repository":"web",
            "components":[{{"productKey":"zlib"}}]}}"#
    )
    .replace('\n', "")
}

async fn count(inventory: &SqliteInventory) -> u64 {
    let request = ImpactRequest {
        tenant: &TenantId::from("a"),
        selector: &Selector::All,
        product_keys: &["zlib".into()],
        usage_only: false,
    };
    inventory.resolve(&request).await.unwrap().candidates
}

#[test]
fn import_reads_an_image_of_each_line_and_may_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let inventory = create(&directory).await;
        let lines: Vec<String> = (0..=255).chain(0..=255).map(line).collect();
        let text = format!("{}\n\n  \n{}\n", line(7), lines.join("\n"));
        for _ in 0..2 {
            assert_eq!(inventory.import(text.as_bytes()).await.unwrap(), 513);
            assert_eq!(count(&inventory).await, 256);
        }
    });
}

#[test]
fn import_stops_at_a_faulty_line_which_the_error_names() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let inventory = create(&directory).await;
        let faulty = line(3).replace("repository", "repo");
        let text = format!("{}\n{}\n{faulty}\n{}\n", line(1), line(2), line(4));
        let error = inventory.import(text.as_bytes()).await.unwrap_err();
        let expected = "line 3: field `repository` is missing or empty";
        assert_eq!(error.to_string(), expected);
        assert_eq!(count(&inventory).await, 2);
        let no_text = [line(1).as_bytes(), b"\n\xff\n"].concat();
        let error = inventory
            .import(&no_text[..])
            .await
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("line 2 can't be read: "), "{error}");
        let file = Connection::open(directory.path().join("inventory.sqlite")).unwrap();
        file.execute_batch("DROP TABLE image_component").unwrap();
        let error = inventory.import(line(9).as_bytes()).await.unwrap_err();
        let expected = "the images up to line 1 were not written: the service is not available";
        assert_eq!(error.to_string(), expected);
    });
}
