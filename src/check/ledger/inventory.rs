//! Every image as the ledger remembers it: names as numbers, so that a million fit into memory and
//! a walk over all of them is quick.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Image, ImageDigest, Selector, TenantId};

/// Numbers for texts.
#[derive(Debug, Clone, Default)]
struct Names(FxHashMap<Arc<str>, u32>);

impl Names {
    fn number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = self.0.len() as u32;
        self.0.insert(name.clone(), number);
        number
    }

    /// The numbers of those that are known.
    fn of(&self, names: &[Arc<str>]) -> FxHashSet<u32> {
        let numbers = names.iter().filter_map(|name| self.0.get(name));
        numbers.copied().collect()
    }
}

/// Where the parts of an image end; they begin where those of the image before end.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    tenant: u32,
    repository: u32,
    namespaces_end: u32,
    labels_end: u32,
    components_end: u32,
}

/// Every image, in the order in which the impact index answers. Made from an iterator over them.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    digests: Vec<ImageDigest>,
    tenants: Vec<TenantId>,
    rows: Vec<Row>,
    namespaces: Vec<u32>,
    /// The number of name and value.
    labels: Vec<u32>,
    /// Product number * 2 + used from the entry point.
    components: Vec<u32>,
    repository_names: Names,
    namespace_names: Names,
    label_names: FxHashMap<(Arc<str>, Arc<str>), u32>,
    product_names: Names,
}

impl Inventory {
    /// Adds an image. *O*(its parts).
    pub fn push(&mut self, image: &Image) {
        for namespace in &image.namespaces {
            self.namespaces.push(self.namespace_names.number(namespace));
        }
        for (name, value) in &image.labels {
            let next = self.label_names.len() as u32;
            let label = (name.clone(), value.clone());
            self.labels
                .push(*self.label_names.entry(label).or_insert(next));
        }
        for (product, is_used_by_entrypoint) in &image.components {
            let number = self.product_names.number(product);
            self.components
                .push(number << 1 | u32::from(*is_used_by_entrypoint));
        }
        let row = Row {
            tenant: self.tenant_number(&image.tenant),
            repository: self.repository_names.number(&image.repository),
            namespaces_end: self.namespaces.len() as u32,
            labels_end: self.labels.len() as u32,
            components_end: self.components.len() as u32,
        };
        self.rows.push(row);
        self.digests.push(image.digest);
    }

    fn tenant_number(&mut self, tenant: &TenantId) -> u32 {
        // There are few, and one has many images in a row.
        let known = self.tenants.iter().rposition(|known| known == tenant);
        let number = known.unwrap_or_else(|| {
            self.tenants.push(tenant.clone());
            self.tenants.len() - 1
        });
        number as u32
    }

    /// How many entries there are.
    pub fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The digests, by entry.
    pub(crate) fn digests(&self) -> &[ImageDigest] {
        &self.digests
    }

    /// The owner of an entry.
    pub(crate) fn tenant(&self, entry: u32) -> &TenantId {
        &self.tenants[self.rows[entry as usize].tenant as usize]
    }

    /// The entries of a tenant that a selector takes, rising. Looks at every one.
    pub(crate) fn selected(&self, tenant: &TenantId, selector: &Selector) -> Vec<u32> {
        let takes = self.taker(selector);
        (0..self.len())
            .filter(|entry| self.tenant(*entry) == tenant && takes(*entry))
            .collect()
    }

    fn taker<'a>(&'a self, selector: &'a Selector) -> Box<dyn Fn(u32) -> bool + 'a> {
        match selector {
            Selector::All => Box::new(|_| true),
            Selector::ByNamespace(names) => {
                let wanted = self.namespace_names.of(names);
                Box::new(move |entry| {
                    let own = &self.namespaces[self.span(entry, |row| row.namespaces_end)];
                    own.iter().any(|namespace| wanted.contains(namespace))
                })
            }
            Selector::ByRepository(names) => {
                let wanted = self.repository_names.of(names);
                Box::new(move |entry| wanted.contains(&self.rows[entry as usize].repository))
            }
            Selector::ByDigest(digests) => {
                let wanted: FxHashSet<&ImageDigest> = digests.iter().collect();
                Box::new(move |entry| wanted.contains(&self.digests[entry as usize]))
            }
            Selector::ByLabel(labels) => {
                let number = |(name, value): (&Arc<str>, &Arc<str>)| {
                    let label = (name.clone(), value.clone());
                    self.label_names.get(&label).copied()
                };
                let wanted: Option<Vec<u32>> = labels.iter().map(number).collect();
                Box::new(move |entry| {
                    let own = &self.labels[self.span(entry, |row| row.labels_end)];
                    let carries = |all: &Vec<u32>| all.iter().all(|label| own.contains(label));
                    wanted.as_ref().is_some_and(carries)
                })
            }
        }
    }

    /// Of rising entries those that contain one of the products; `usage_only`: used from their
    /// entry point.
    pub(crate) fn containing(
        &self,
        entries: &[u32],
        products: &[Arc<str>],
        usage_only: bool,
    ) -> Vec<u32> {
        let wanted = self.product_names.of(products);
        let is_wanted = |component: &u32| {
            (component & 1 == 1 || !usage_only) && wanted.contains(&(component >> 1))
        };
        let uses = |entry: &u32| {
            let own = &self.components[self.span(*entry, |row| row.components_end)];
            own.iter().any(is_wanted)
        };
        entries.iter().copied().filter(uses).collect()
    }

    fn span(&self, entry: u32, end: impl Fn(&Row) -> u32) -> Range<usize> {
        let entry = entry as usize;
        let before = entry.checked_sub(1).map(|before| &self.rows[before]);
        before.map_or(0, &end) as usize..end(&self.rows[entry]) as usize
    }
}

impl FromIterator<Image> for Inventory {
    fn from_iter<I: IntoIterator<Item = Image>>(images: I) -> Self {
        let mut inventory = Self::default();
        images.into_iter().for_each(|image| inventory.push(&image));
        inventory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(digest: u8, tenant: &str, namespaces: &[&str], products: &[(&str, bool)]) -> Image {
        Image {
            digest: ImageDigest::new([digest; 32]),
            tenant: tenant.into(),
            registry: "r".into(),
            repository: format!("repository-{}", digest % 2).into(),
            namespaces: namespaces.iter().map(|name| Arc::from(*name)).collect(),
            tags: Vec::new(),
            labels: [("tier".into(), format!("tier-{}", digest % 2).into())].into(),
            components: products
                .iter()
                .map(|(name, used)| (Arc::from(*name), *used))
                .collect(),
        }
    }

    #[test]
    fn a_walk_finds_what_selectors_and_products_say() {
        let inventory: Inventory = [
            image(0, "a", &["prod"], &[("openssl", true), ("zlib", false)]),
            image(1, "a", &["test", "prod"], &[("zlib", true)]),
            image(2, "b", &["prod"], &[("zlib", true)]),
            image(3, "a", &[], &[]),
        ]
        .into_iter()
        .collect();
        let tenant = TenantId::from("a");
        let selected = |selector| inventory.selected(&tenant, &selector);
        assert_eq!(selected(Selector::All), [0, 1, 3]);
        let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
        let namespaces = |list: &[&str]| selected(Selector::ByNamespace(names(list)));
        assert_eq!(namespaces(&["prod", "nowhere"]), [0, 1]);
        assert_eq!(namespaces(&["test"]), [1]);
        assert_eq!(
            selected(Selector::ByRepository(names(&["repository-1"]))),
            [1, 3]
        );
        let digests = [2, 3].map(|digest| ImageDigest::new([digest; 32]));
        assert_eq!(selected(Selector::ByDigest(digests.to_vec())), [3]);
        let labelled =
            |value: &str| selected(Selector::ByLabel([("tier".into(), value.into())].into()));
        assert_eq!(labelled("tier-0"), [0]);
        assert!(labelled("tier-9").is_empty());
        let containing = |product: &str, usage_only| {
            inventory.containing(&[0, 1, 3], &names(&[product, "unheard-of"]), usage_only)
        };
        assert_eq!(containing("zlib", false), [0, 1]);
        assert_eq!(containing("zlib", true), [1]);
        assert_eq!(containing("openssl", true), [0]);
    }
}
