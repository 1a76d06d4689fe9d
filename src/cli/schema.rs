//! `rehearsal scenario schema`

use super::failure::Failure;
use super::output;

/// Prints the JSON Schema of scenario files.
pub fn main() -> Result<u8, Failure> {
    let schema = rehearsal::scenario::schema();
    output::print(&format!("{schema:#}\n"))?;
    Ok(0)
}
