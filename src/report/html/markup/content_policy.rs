//! Content security policy of the page: nothing is loaded or sent, and only its own script and
//! style apply, whatever the data of the page contains.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Policy of a page with these inline scripts and this inline style.
pub fn policy(scripts: &[&str], style: &str) -> String {
    let scripts: Vec<String> = scripts.iter().map(|script| source(script)).collect();
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; \
         form-action 'none'",
        scripts.join(" "),
        source(style)
    )
}

/// Source expression that permits exactly this inline text.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_permits_texts_by_their_hashes() {
        // `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`
        let hash = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='";
        let policy = policy(&["alert(1)"], "alert(1)");
        assert!(
            policy.contains(&format!("script-src {hash}; style-src {hash};")),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"));
    }
}
