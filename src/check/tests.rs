//! Short tests for the oracle: a healthy one in which every invariant is exercised, and one with
//! a planted defect for each invariant.

mod cardinality;
mod command_ack;
mod docs;
mod duties;
mod fake_instruments;
mod fixture;
mod handing_on;
mod healthy;
mod holding;
mod learning;
mod messages;
mod pages;
mod planted;
mod queue;
mod slo;
mod steps;
mod toys;
