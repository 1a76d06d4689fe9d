//! No import cycle between modules that are not parent and child, in any crate.
//!
//! The compiler enforces the layers between crates. Within a crate this test does: it reads every
//! `use` and every path that starts with `crate`, `self` or `super`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Path of a module in its crate; empty for the root.
type Module = Vec<String>;
type Graph = BTreeMap<Module, BTreeSet<Module>>;

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every module of a crate with its text. Tests may import what they like.
fn modules(root: &Path) -> BTreeMap<Module, String> {
    let mut files = Vec::new();
    sources(root, &mut files);
    let mut modules = BTreeMap::new();
    for file in files {
        let relative = file
            .strip_prefix(root)
            .expect("below the root")
            .with_extension("");
        let mut module: Module = relative
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module == ["main"]
            || module
                .iter()
                .any(|part| part == "tests" || part == "testing")
        {
            continue;
        }
        if module == ["lib"] {
            module.clear();
        }
        modules.insert(module, fs::read_to_string(&file).expect("readable"));
    }
    modules
}

/// The text without comments and without the inline tests at its end.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines();
    let plain = lines.map(|line| line.split("//").next().unwrap_or(""));
    plain.collect::<Vec<_>>().join("\n")
}

/// Paths of a `use` tree such as `crate::{a::b, c}`, each as a list of names.
fn expand(prefix: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let names = |text: &str| {
        let text = text.split(" as ").next().unwrap_or("");
        let names = text
            .split("::")
            .map(str::trim)
            .filter(|name| !name.is_empty());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let Some(open) = tree.find('{') else {
        found.push([prefix, &names(tree)].concat());
        return;
    };
    let prefix = [prefix, &names(&tree[..open])].concat();
    let close = tree.rfind('}').unwrap_or(tree.len());
    let (mut depth, mut start) = (0_usize, open + 1);
    for (index, letter) in tree[..close]
        .char_indices()
        .skip_while(|(index, _)| *index <= open)
    {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &tree[start..index], found);
                start = index + 1;
            }
            _ => {}
        }
    }
    if !tree[start..close].trim().is_empty() {
        expand(&prefix, &tree[start..close], found);
    }
}

fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (index, _) in code
        .match_indices("crate::")
        .chain(code.match_indices("super::"))
    {
        let before = code[..index].chars().next_back();
        if before
            .is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ':' | '$'))
        {
            continue;
        }
        let is_use = code[..index].trim_end().ends_with("use");
        let end = match is_use {
            true => code[index..].find(';'),
            false => code[index..].find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':'))),
        };
        let end = end.map_or(code.len(), |end| index + end);
        expand(&[], &code[index..end], &mut found);
    }
    found
}

/// The module that a path leads into, as deep as modules go.
fn target(from: &Module, path: &[String], modules: &BTreeMap<Module, String>) -> Module {
    let mut path = path.iter().peekable();
    let mut module = Module::new();
    if path.next_if(|name| *name == "crate").is_none() {
        module.clone_from(from);
        while path.next_if(|name| *name == "super").is_some() {
            module.pop();
        }
    }
    for name in path {
        module.push(name.clone());
        if !modules.contains_key(&module) {
            module.pop();
            break;
        }
    }
    module
}

fn graph(modules: &BTreeMap<Module, String>) -> Graph {
    let is_family = |a: &Module, b: &Module| a.starts_with(b) || b.starts_with(a);
    let imports = |(module, text): (&Module, &String)| {
        let targets = paths(&code(text)).into_iter();
        let targets = targets.map(|path| target(module, &path, modules));
        (
            module.clone(),
            targets
                .filter(|target| !is_family(module, target))
                .collect(),
        )
    };
    modules.iter().map(imports).collect()
}

/// The shortest way from a module back to itself, if there is one.
fn cycle(graph: &Graph, start: &Module) -> Option<Vec<Module>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start.clone()]]);
    while let Some(way) = ways.pop_front() {
        for next in graph.get(way.last()?).into_iter().flatten() {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push_back([way.clone(), vec![next.clone()]].concat());
            }
        }
    }
    None
}

fn cycles(modules: &BTreeMap<Module, String>) -> Vec<String> {
    let graph = graph(modules);
    let mut found = BTreeMap::new();
    for module in graph.keys() {
        if let Some(way) = cycle(&graph, module) {
            let names: Vec<String> = way.iter().map(|module| module.join("::")).collect();
            let members: BTreeSet<String> = names.iter().cloned().collect();
            found.entry(members).or_insert_with(|| names.join(" -> "));
        }
    }
    found.into_values().collect()
}

#[test]
fn modules_of_every_crate_have_no_import_cycle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut roots = vec![root.join("src")];
    for entry in fs::read_dir(root.join("crates"))
        .expect("the crates")
        .flatten()
    {
        roots.push(entry.path().join("src"));
    }
    for root in roots {
        let found = cycles(&modules(&root));
        assert!(
            found.is_empty(),
            "import cycles in {}:\n{}",
            root.display(),
            found.join("\n")
        );
    }
}

#[test]
fn modules_that_import_each_other_are_found() {
    let module = |name: &str| name.split("::").map(str::to_owned).collect::<Module>();
    let sources = |texts: &[(&str, &str)]| {
        let texts = texts
            .iter()
            .map(|(name, text)| (module(name), (*text).to_owned()));
        texts.collect::<BTreeMap<_, _>>()
    };
    let both_ways = sources(&[
        ("a", "use crate::{b::Thing, c};"),
        ("b", "// crate::c\nfn f() -> super::a::Other {}"),
        ("c", "use self::child::Leaf;"),
        (
            "c::child",
            "use super::Parent;\n#[cfg(test)]\nmod tests {\n use crate::a;\n}",
        ),
    ]);
    assert_eq!(cycles(&both_ways), ["a -> b"]);
    let three = sources(&[
        ("a", "use super::b::X;"),
        ("b", "use crate::c::Y;"),
        ("c", "use crate::a;"),
    ]);
    assert_eq!(cycles(&three), ["a -> b -> c"]);
    let none = sources(&[("a", "use crate::b::X;"), ("b", "use crate::b::inner::Y;")]);
    assert!(cycles(&none).is_empty());
}

/// Functions of the model whose results the checks derive themselves, in `src/check/contract.rs`.
const DERIVED: [&str; 16] = [
    ".is_open()",
    ".is_terminal()",
    "RunState::is_open",
    "RunState::is_terminal",
    ".may_become(",
    ".remaining()",
    ".add_segment(",
    ".is_meaningful()",
    ".is_consistent()",
    ".add_finding(",
    "RunId::of(",
    "EventId::of(",
    ".renewal_interval()",
    ".stale_after()",
    "model::Calendar",
    "rehearsal_worker::planning",
];

/// Names that the code of a folder's modules uses, by module.
fn uses(folder: &str, is_used: impl Fn(&str, &str) -> bool, names: &[&str]) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    for (module, text) in modules(&directory) {
        let code = code(&text);
        let used = names.iter().filter(|name| is_used(&code, name));
        found.extend(used.map(|name| format!("{}: {name}", module.join("::"))));
    }
    found
}

#[test]
fn checks_derive_what_they_expect_without_the_model() {
    let found = uses("src/check", |code, name| code.contains(name), &DERIVED);
    assert!(found.is_empty(), "{found:?}");
}

/// Packages that only the worker's service needs.
const SERVICE_PACKAGES: [&str; 5] = ["cc", "hyper", "libsqlite3-sys", "rustls", "tokio"];

#[test]
fn simulator_needs_no_package_of_the_service() {
    let packages = |features: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["tree", "--locked", "--offline", "--prefix", "none"]);
        cargo.args(["--edges", "normal,build", "--package", "rehearsal"]);
        let output = cargo.args(features).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let tree = String::from_utf8(output.stdout).unwrap();
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        let mut found: Vec<String> = names
            .filter(|name| SERVICE_PACKAGES.contains(name))
            .map(ToOwned::to_owned)
            .collect();
        found.sort();
        found.dedup();
        found
    };
    assert_eq!(packages(&[]), SERVICE_PACKAGES);
    assert_eq!(packages(&["--no-default-features"]), [""; 0]);
}

/// Calls that read or change files.
const FILE_CALLS: [&str; 11] = [
    "fs::write",
    "fs::read(",
    "fs::read_to_string",
    "fs::rename",
    "fs::copy",
    "fs::create_dir",
    "fs::remove",
    "File::open",
    "File::create",
    "File::options",
    "io::stdin",
];

#[test]
fn files_are_opened_in_one_crate_only() {
    // `InputFile::open` is of that crate.
    let is_call = |code: &str, name: &str| {
        let mut calls = code.match_indices(name);
        calls.any(|(index, _)| !code[..index].ends_with(char::is_alphanumeric))
    };
    for folder in ["src", "crates/service/src", "crates/sqlite/src"] {
        let found = uses(folder, is_call, &FILE_CALLS);
        assert!(found.is_empty(), "{folder}: {found:?}");
    }
}
