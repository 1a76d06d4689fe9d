//! Wrappers that plant a defect between workers, world and checks. Shared by `tests/it` and the bug
//! bench.

pub mod defect;
pub mod incarnation;
pub mod wrapped;
pub mod write_arguments;
pub mod write_table;
pub mod writes;

pub use defect::{Defect, Healthy};
pub use incarnation::{Incarnation, Posted};
pub use wrapped::Planted;
