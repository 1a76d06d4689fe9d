//! Severity of a CVSS vector.
//!
//! Versions 3.0 and 3.1 are scored by their formula. Version 4.0 is scored by a table of 270 rows;
//! here its base metrics are mapped to their predecessors in 3.1, which rarely changes the
//! severity.

use crate::model::Severity;
use rehearsal_convert::{Index, Saturating};

/// Severity of a vector such as `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H`; none if the
/// text is not a CVSS vector.
pub fn severity(vector: &str) -> Option<Severity> {
    let (version, metrics) = vector.split_once('/')?;
    let metric = |name: &str| {
        metrics
            .split('/')
            .find_map(|part| part.strip_prefix(name)?.strip_prefix(':'))
    };
    let tenths = match version {
        "CVSS:3.0" | "CVSS:3.1" => BaseMetrics {
            attack_vector: metric("AV")?,
            hard: metric("AC")? == "H",
            privileges: metric("PR")?,
            passive: metric("UI")? == "N",
            scope_changed: metric("S")? == "C",
            impacts: [metric("C")?, metric("I")?, metric("A")?],
        },
        "CVSS:4.0" => BaseMetrics {
            attack_vector: metric("AV")?,
            hard: metric("AC")? == "H" || metric("AT")? == "P",
            privileges: metric("PR")?,
            passive: metric("UI")? == "N",
            scope_changed: ["SC", "SI", "SA"]
                .iter()
                .any(|name| metric(name) == Some("H")),
            impacts: [metric("VC")?, metric("VI")?, metric("VA")?],
        },
        _ => return None,
    }
    .score_tenths()?;
    Some(match tenths {
        ..40 => Severity::Low,
        40..70 => Severity::Medium,
        70..90 => Severity::High,
        90.. => Severity::Critical,
    })
}

/// Base metrics of CVSS 3.1.
struct BaseMetrics<'a> {
    attack_vector: &'a str,
    hard: bool,
    privileges: &'a str,
    passive: bool,
    scope_changed: bool,
    impacts: [&'a str; 3],
}

impl BaseMetrics<'_> {
    /// Base score in tenths, by the formula of section 7.1 of the specification.
    fn score_tenths(&self) -> Option<u32> {
        let impact = self.impact()?;
        if impact <= 0.0 {
            return Some(0);
        }
        let total = impact + self.exploitability()?;
        let total = if self.scope_changed {
            1.08 * total
        } else {
            total
        };
        // Rounded up to a tenth, with the specification's guard against float noise.
        let hundred_thousandths = ((total.min(10.0) * 100_000.0).round()).saturating_u64();
        Some(hundred_thousandths.div_ceil(10_000).index_u32())
    }

    fn impact(&self) -> Option<f64> {
        let mut kept = 1.0;
        for level in self.impacts {
            kept *= match level {
                "H" => 1.0 - 0.56,
                "L" => 1.0 - 0.22,
                "N" => 1.0,
                _ => return None,
            };
        }
        let lost: f64 = 1.0 - kept;
        if !self.scope_changed {
            return Some(6.42 * lost);
        }
        // Multiplied out, since `powi` may differ from platform to platform.
        let tail = (0..15).fold(1.0, |product, _| product * (lost - 0.02));
        Some(7.52 * (lost - 0.029) - 3.25 * tail)
    }

    fn exploitability(&self) -> Option<f64> {
        let reach = match self.attack_vector {
            "N" => 0.85,
            "A" => 0.62,
            "L" => 0.55,
            "P" => 0.2,
            _ => return None,
        };
        let ease = if self.hard { 0.44 } else { 0.77 };
        let privileges = match (self.privileges, self.scope_changed) {
            ("N", _) => 0.85,
            ("L", false) => 0.62,
            ("L", true) => 0.68,
            ("H", false) => 0.27,
            ("H", true) => 0.5,
            _ => return None,
        };
        let interaction = if self.passive { 0.85 } else { 0.62 };
        Some(8.22 * reach * ease * privileges * interaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(vector: &str) -> Option<u32> {
        let metric = |name: &str| {
            vector
                .split('/')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix(':'))
        };
        BaseMetrics {
            attack_vector: metric("AV")?,
            hard: metric("AC")? == "H",
            privileges: metric("PR")?,
            passive: metric("UI")? == "N",
            scope_changed: metric("S")? == "C",
            impacts: [metric("C")?, metric("I")?, metric("A")?],
        }
        .score_tenths()
    }

    #[test]
    fn score_of_published_vectors_matches() {
        for (vector, tenths) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H", 59),
            ("CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N", 37),
            ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0),
        ] {
            assert_eq!(score(vector), Some(tenths), "{vector}");
        }
    }

    #[test]
    fn severity_of_invalid_vector_is_none() {
        for text in [
            "",
            "CVSS:3.1",
            "CVSS:2.0/AV:N",
            "CVSS:3.1/AV:N/AC:L",
            "high",
        ] {
            assert_eq!(severity(text), None, "{text}");
        }
        let version_4 = "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
        assert_eq!(severity(version_4), Some(Severity::High));
    }
}
