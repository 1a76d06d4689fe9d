//! Linters of `deploy/`: the published schemas of Kubernetes, and hadolint for the Dockerfile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{deployed, is_installed, path_of};
use crate::program::scratch;

/// Versions of Kubernetes: the first in which the manifest's fields are stable or on by default,
/// and the newest that the linter has.
const KUBERNETES: [&str; 2] = ["1.31", "1.37"];

/// Linter in the folder into which `.ci/install` installs them.
fn linter(name: &str) -> Option<Command> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let program: PathBuf = directory.join(name);
    is_installed(&program).then(|| Command::new(program))
}

/// Writes a deployed file with one text replaced by another.
fn planted(name: &str, from: &str, to: &str) -> PathBuf {
    let text = deployed(name);
    assert!(text.contains(from), "no {from} in {name}");
    let path = scratch(&format!("deploy-planted-{name}")).join(name);
    fs::write(&path, text.replace(from, to)).unwrap();
    path
}

/// Whether the linter accepts the file; its complaints.
fn accepts(mut linter: Command, path: &Path) -> (bool, String) {
    let output = linter.arg(path).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn manifest_is_valid_by_the_schemas_of_kubernetes() {
    for version in KUBERNETES {
        let schemas = || {
            let mut linter = linter("kubernetes-validate")?;
            linter.args(["--strict", "--kubernetes-version", version]);
            Some(linter)
        };
        let Some(linter) = schemas() else { return };
        let (is_valid, said) = accepts(linter, &path_of("kubernetes.yaml"));
        assert!(is_valid, "{version}: {said}");
        let misspelt = planted("kubernetes.yaml", "runAsNonRoot", "runAsNonroot");
        let (is_valid, said) = accepts(schemas().unwrap(), &misspelt);
        assert!(
            !is_valid && said.contains("runAsNonroot"),
            "{version}: {said}"
        );
    }
}

#[test]
fn dockerfile_has_no_complaint_of_hadolint() {
    let Some(hadolint) = linter("hadolint") else {
        return;
    };
    assert_eq!(
        accepts(hadolint, &path_of("Dockerfile")),
        (true, String::new())
    );
    let named = planted("Dockerfile", "USER 65532:65532", "USER nobody");
    let (is_valid, said) = accepts(linter("hadolint").unwrap(), &named);
    assert!(!is_valid && said.contains("user-id"), "{said}");
}
