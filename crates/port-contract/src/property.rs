//! Properties, and the verdict on each.

use std::fmt;
use std::rc::Rc;

use futures_lite::future::BoxedLocal;

use crate::{Bench, Capability, ContractResult, ContractViolation};

/// Part of the contract that a property belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PropertyFamily {
    /// Commits of the store.
    Commit,
    /// Reads of the store, and its writes that are no commits.
    Store,
    /// Queues.
    Queue,
    /// Publication of events to Notify.
    Notify,
}

impl PropertyFamily {
    /// Every family, in the order of the suite.
    pub const ALL: [Self; 4] = [Self::Commit, Self::Store, Self::Queue, Self::Notify];

    /// Returns the name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Store => "store",
            Self::Queue => "queue",
            Self::Notify => "notify",
        }
    }
}

impl fmt::Display for PropertyFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

pub(crate) type Check<B> = fn(Rc<B>) -> BoxedLocal<ContractResult>;

/// A guarantee of the ports, with its check.
#[derive(Debug)]
pub struct Property<B> {
    /// Identifier in lower case with hyphens.
    pub name: &'static str,
    /// Guarantee in one sentence.
    pub statement: &'static str,
    /// Part of the contract that it belongs to.
    pub family: PropertyFamily,
    /// Capability without which the adapter does not give the guarantee.
    pub needs: Option<Capability>,
    check: Check<B>,
}

/// Outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyVerdict {
    /// The property holds.
    Holds,
    /// The adapter does not declare the capability, so nothing was checked.
    NotDeclared(Capability),
    /// The property does not hold.
    Violated(ContractViolation),
}

impl<B: Bench> Property<B> {
    pub(crate) const fn new(
        family: PropertyFamily,
        name: &'static str,
        statement: &'static str,
        check: Check<B>,
    ) -> Self {
        Self {
            name,
            statement,
            family,
            needs: None,
            check,
        }
    }

    pub(crate) const fn needs(mut self, capability: Capability) -> Self {
        self.needs = Some(capability);
        self
    }

    /// Checks the property on a fresh bench. The caller polls the future to its end.
    pub fn check(&self, bench: Rc<B>) -> BoxedLocal<PropertyVerdict> {
        let capabilities = bench.capabilities();
        let missing = self.needs.filter(|needed| !capabilities.has(*needed));
        let check = self.check;
        Box::pin(async move {
            match missing {
                Some(missing) => PropertyVerdict::NotDeclared(missing),
                None => match check(bench).await {
                    Ok(()) => PropertyVerdict::Holds,
                    Err(violation) => PropertyVerdict::Violated(violation),
                },
            }
        })
    }
}

impl fmt::Display for PropertyVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.pad("holds"),
            Self::NotDeclared(capability) => {
                write!(f, "not declared: the adapter has no {capability}")
            }
            Self::Violated(violation) => write!(f, "violated: {violation}"),
        }
    }
}
