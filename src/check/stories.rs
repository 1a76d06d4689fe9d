//! Short stories for the ledger: a healthy one in which every invariant is exercised, and one with
//! a planted defect for each invariant.

mod docs;
mod duties;
mod handing_on;
mod healthy;
mod holding;
mod learning;
mod messages;
mod page;
mod pages;
mod planted;
mod promises;
mod queue;
mod steps;
mod story;
mod told;
mod toys;
