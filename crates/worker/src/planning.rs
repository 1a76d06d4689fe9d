//! Decisions of the planner: which run is next, which images it affects, and which of them it
//! takes.
//!
//! All of it is pure: the same input gives the same plan, in every process and in the checks.

pub mod fairness;
pub mod image_selection;
pub mod impact_index;
