//! Plants a defect between workers, world and checks. Shared by the planted defects of `tests/it`
//! and the bench of bugs.

pub mod defect;
pub mod life;
pub mod wrapped;

pub use defect::{Defect, Healthy};
pub use life::{Life, Posted};
pub use wrapped::Planted;
