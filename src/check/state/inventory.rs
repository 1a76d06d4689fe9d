//! Every image of the fleet. A walk over all of them finds the images that a selector matches.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::model::catalogue::{Catalogue, ComponentRef};
use crate::model::{Image, ImageDigest, Selector, TenantId};

/// Every image, in the order in which the impact index answers.
#[derive(Debug, Clone, Default)]
pub struct Inventory(Arc<Catalogue>);

impl Inventory {
    /// These images.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self(catalogue)
    }

    /// Number of entries.
    pub fn len(&self) -> u32 {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The digests, by entry.
    pub(crate) fn digests(&self) -> &[ImageDigest] {
        self.0.digests()
    }

    /// The owner of an entry.
    pub(crate) fn tenant(&self, entry: u32) -> &TenantId {
        self.0.tenant(entry)
    }

    /// Entries of a tenant that a selector matches, rising. Visits every entry.
    pub(crate) fn selected(&self, tenant: &TenantId, selector: &Selector) -> Vec<u32> {
        let takes = self.taker(selector);
        // A number is compared faster than a name.
        let is_own = flags(&self.0.names().tenants, |name| name == tenant);
        let is_own = |entry: u32| is_own[self.0.tenant_number(entry) as usize];
        (0..self.len())
            .filter(|entry| is_own(*entry) && takes(*entry))
            .collect()
    }

    fn taker<'a>(&'a self, selector: &'a Selector) -> Box<dyn Fn(u32) -> bool + 'a> {
        let (catalogue, parts) = (&self.0, self.0.names());
        match selector {
            Selector::All => Box::new(|_| true),
            Selector::ByNamespace(names) => {
                let is_wanted = flags(&parts.namespaces, |name| names.contains(name));
                Box::new(move |entry| {
                    let own = catalogue.namespace_numbers(entry);
                    own.iter().any(|namespace| is_wanted[*namespace as usize])
                })
            }
            Selector::ByRepository(names) => {
                let is_wanted = flags(&parts.repositories, |name| names.contains(name));
                Box::new(move |entry| is_wanted[catalogue.repository_number(entry) as usize])
            }
            Selector::ByDigest(digests) => {
                let wanted: FxHashSet<&ImageDigest> = digests.iter().collect();
                Box::new(move |entry| wanted.contains(&catalogue.digests()[entry as usize]))
            }
            Selector::ByLabel(labels) => {
                let number = |label: (&Arc<str>, &Arc<str>)| {
                    let mut known = (0..).zip(&parts.labels);
                    known.find_map(|(number, (name, value))| {
                        ((name, value) == label).then_some(number)
                    })
                };
                let wanted: Option<Vec<u32>> = labels.iter().map(number).collect();
                Box::new(move |entry| {
                    let own = catalogue.entry(entry).labels;
                    let carries = |all: &Vec<u32>| all.iter().all(|label| own.contains(label));
                    wanted.as_ref().is_some_and(carries)
                })
            }
        }
    }

    /// Filters rising entries by the products that they contain; `usage_only`: by those that their
    /// entry point uses.
    pub(crate) fn containing(
        &self,
        entries: &[u32],
        products: &[Arc<str>],
        usage_only: bool,
    ) -> Vec<u32> {
        let components = products.iter().filter_map(|name| self.0.component(name));
        let wanted: FxHashSet<u32> = components.collect();
        let is_wanted = |content: &ComponentRef| {
            (content.is_used_by_entrypoint() || !usage_only)
                && wanted.contains(&content.component())
        };
        let uses = |entry: &u32| self.0.contents(*entry).iter().any(is_wanted);
        entries.iter().copied().filter(uses).collect()
    }
}

/// Whether each name is wanted, by its number.
fn flags<T>(names: &[T], is_wanted: impl Fn(&T) -> bool) -> Vec<bool> {
    names.iter().map(is_wanted).collect()
}

impl FromIterator<Image> for Inventory {
    fn from_iter<I: IntoIterator<Item = Image>>(images: I) -> Self {
        Self::new(Arc::new(images.into_iter().collect()))
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
