//! The image: what its Dockerfile says, and the program under the restrictions of the container.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::kubernetes::{container, manifest};
use super::{deployed, scenario};
use crate::program::{PROGRAM, text};

/// The value of the last instruction of this kind.
fn instruction<'a>(dockerfile: &'a str, name: &str) -> &'a str {
    let mut lines = dockerfile.lines().rev();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in the Dockerfile"))
}

#[test]
fn image_agrees_with_manifest_and_toolchain() {
    let dockerfile = deployed("Dockerfile");
    let (_, job) = manifest();
    let context = &job["spec"]["template"]["spec"]["securityContext"];
    let user = format!("{}:{}", context["runAsUser"], context["runAsGroup"]);
    assert_eq!(instruction(&dockerfile, "USER"), user);
    let directory = instruction(&dockerfile, "WORKDIR");
    assert_eq!(instruction(&dockerfile, "VOLUME"), directory);
    let mounts = container(&job)["volumeMounts"].as_array().unwrap().iter();
    let mut paths = mounts.map(|mount| mount["mountPath"].as_str().unwrap());
    assert!(paths.any(|path| path == directory));
    // A shell would be process 1 and ignore signals.
    assert_eq!(instruction(&dockerfile, "ENTRYPOINT"), r#"["rehearsal"]"#);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let toolchain = fs::read_to_string(root.join("rust-toolchain.toml")).unwrap();
    let toolchain: toml::Table = toolchain.parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={channel}\n")));
    assert!(dockerfile.contains(&format!("BUILD_IMAGE=rust:{channel}-slim-")));
}

#[test]
fn base_images_are_arguments_of_the_build() {
    let dockerfile = deployed("Dockerfile");
    let mut stages = 0;
    for image in dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
    {
        let argument = image.split(' ').next().unwrap();
        let argument = argument
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let argument = argument.expect("a base image is an argument");
        assert!(
            dockerfile.contains(&format!("ARG {argument}=")),
            "{argument}"
        );
        stages += 1;
    }
    assert_eq!(stages, 2);
}

#[test]
fn build_context_has_nothing_that_git_ignores() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [docker, git] =
        [".dockerignore", ".gitignore"].map(|name| fs::read_to_string(root.join(name)).unwrap());
    for ignored in git.lines().filter(|line| line.starts_with('/')) {
        let ignored = ignored.trim_matches(['/', '*']);
        let name = ignored.rsplit('/').next().unwrap();
        let is_excluded = |line: &str| line == ignored || line == format!("**/{name}");
        assert!(
            docker.lines().any(is_excluded),
            "{ignored} is in the context"
        );
    }
}

/// Runs a script as root of new namespaces, whose `/` is read-only and whose work directory is not.
/// `None` where a test can't have them.
fn restricted(work: &Path, script: &str) -> Option<Output> {
    let setup = r#"set -e
        mount --bind "$1" "$1"
        mount -o remount,bind,ro /
        chown 65532:65532 "$1"
        cd "$1"
        exec setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs \
            --bounding-set -all -- sh -c "$2" sh "$3""#;
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-c", setup, "sh"]);
        command.arg(work).arg(script);
        command.arg(PROGRAM).output()
    };
    // It fails, too, if the unprivileged user lacks search permission on the path of the program,
    // as below a home directory of mode 0700.
    let probe = unshare("test -x \"$1\" && ! touch /probe 2>/dev/null");
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system has no mount namespaces for tests");
        return None;
    }
    Some(unshare(script).unwrap())
}

#[test]
fn program_needs_no_root_and_writes_only_into_its_work_directory() {
    let (work, _) = scenario("deploy-restricted", "");
    let script = r#""$1" run small.toml --out run && "$1" sweep small.toml --seeds 0..2"#;
    let Some(output) = restricted(&work, script) else {
        return;
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut written = Vec::new();
    for directory in ["run", "reports/sweep-small"] {
        let entries = fs::read_dir(work.join(directory)).unwrap();
        written.extend(entries.map(|entry| entry.unwrap().file_name()));
    }
    assert!(
        written.iter().any(|name| name == "sweep.json"),
        "{written:?}"
    );
}
