//! Plants a defect between workers, world and checks. Shared by the planted defects of `tests/it`
//! and the bench of bugs.

pub mod defect;
pub mod incarnation;
pub mod wrapped;

pub use defect::{Defect, Healthy};
pub use incarnation::{Incarnation, Posted};
pub use wrapped::Planted;
