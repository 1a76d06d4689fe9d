//! Checksum of the rows of a sweep, which binds them to its result.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Sum of the hashes of all rows. It does not depend on their order, so that the merged results of
/// shards have the checksum of one sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RowChecksum(u64);

impl RowChecksum {
    /// Checksum of one row, from its line without the line end.
    pub fn of(line: &str) -> Self {
        Self(xxh3_64(line.as_bytes()))
    }

    /// Checksum of the rows of both.
    #[must_use]
    pub const fn merged(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl fmt::Display for RowChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<RowChecksum> for String {
    fn from(checksum: RowChecksum) -> Self {
        checksum.to_string()
    }
}

impl TryFrom<String> for RowChecksum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = u64::from_str_radix(&text, 16);
        let number = number.map_err(|_| format!("`{text}` is not a checksum"))?;
        Ok(Self(number))
    }
}
