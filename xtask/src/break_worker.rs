//! `cargo xtask break-worker`: plants the defects of `tests/defects/` in a copy of the worker, and
//! requires sweeps of two scenarios to find each of them.
//!
//! All defects are in one build. An environment variable chooses the one that a program has.

mod defect;
mod planting;
mod search;

use std::fs;
use std::ops::Range;

use crate::process::{Context, Failure, Result, root};
use defect::Defect;
use planting::{PlantedCopy, PlantedProfile};
use search::{STAGES, search};

/// Folder with the defects, one file for each part of the worker.
const DEFECTS: &str = "tests/defects";

/// Folder of the worker's sources, to which the defects' paths are relative.
const WORKER: &str = "crates/worker/src";

/// Number of stages of seeds in which `--sample` searches.
const SAMPLE_STAGES: usize = 1;

/// Defects that `--sample` searches for: one of each file in [`DEFECTS`], in its order.
const SAMPLE: [&str; 9] = [
    "late-message-not-released",
    "late-answer-replaces-newer-value",
    "committed-segments-in-flight",
    "candidates-without-duplicates",
    "backlog-before-the-commit",
    "conflicts-wait-for-seconds",
    "cron-run-blocks-for-ever",
    "failed-images-not-committed",
    "findings-counted-as-images",
];

/// Searches for all defects, or for those with one of the arguments in their names. With
/// `--sample`, searches for a few of them in a debug build. If all or a sample are searched for,
/// the program without a defect must pass all seeds too.
pub fn main(arguments: &[&str]) -> Result<()> {
    let all = defects()?;
    let is_sample = arguments == ["--sample"];
    let (profile, stages) = match is_sample {
        true => (PlantedProfile::Debug, &STAGES[..SAMPLE_STAGES]),
        false => (PlantedProfile::Optimised, &STAGES[..]),
    };
    let copy = PlantedCopy::create(&all, profile)?;
    copy.build()?;
    if is_sample || arguments.is_empty() {
        healthy_program_passes(&copy, stages)?;
    }
    let is_chosen = |defect: &&Defect| match is_sample {
        true => SAMPLE.contains(&defect.name.as_str()),
        false => arguments.is_empty() || arguments.iter().any(|part| defect.name.contains(part)),
    };
    let chosen: Vec<&Defect> = all.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        let names = arguments.join(", ");
        return Err(Failure::new(format!(
            "no defect in {DEFECTS} has a name with {names}"
        )));
    }
    search_all(&copy, &chosen, stages)
}

/// Prints the outcome for each defect. Fails if one is neither found nor explained.
fn search_all(copy: &PlantedCopy, chosen: &[&Defect], stages: &[Range<u64>]) -> Result<()> {
    let mut found = 0;
    let mut missed = Vec::new();
    for defect in chosen {
        let outcome = match (search(copy, Some(&defect.name), stages)?, &defect.unfound) {
            (Some(finding), _) => {
                found += 1;
                finding.to_string()
            }
            (None, Some(reason)) => format!("not found: {reason}"),
            (None, None) => {
                missed.push(defect.name.as_str());
                format!("NOT FOUND: {}", defect.description)
            }
        };
        println!("{:46}{outcome}", defect.name);
    }
    println!("{found} of {} defects found", chosen.len());
    match missed.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "neither found nor explained: {}",
            missed.join(", ")
        ))),
    }
}

fn healthy_program_passes(copy: &PlantedCopy, stages: &[Range<u64>]) -> Result<()> {
    match search(copy, None, stages)? {
        None => {
            println!("{:46}passes", "no defect");
            Ok(())
        }
        Some(finding) => Err(Failure::new(format!(
            "the program without a defect fails: {finding}"
        ))),
    }
}

/// Reads all defects, in the order of the files' names.
fn defects() -> Result<Vec<Defect>> {
    let folder = root().join(DEFECTS);
    let entries = fs::read_dir(&folder).context(folder.display())?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut defects = Vec::new();
    for file in files {
        let whole = fs::read_to_string(&file).context(file.display())?;
        defects.extend(defect::parse(&whole).context(file.display())?);
    }
    Ok(defects)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn sample_has_one_defect_of_each_file() {
        let mut files: Vec<_> = fs::read_dir(root().join(DEFECTS))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let names = |file: &Path| {
            let defects = defect::parse(&fs::read_to_string(file).unwrap()).unwrap();
            let found = defects
                .into_iter()
                .filter(|defect| defect.unfound.is_none());
            found.map(|defect| defect.name).collect::<BTreeSet<_>>()
        };
        assert_eq!(files.len(), SAMPLE.len());
        for (file, name) in files.iter().zip(SAMPLE) {
            assert!(names(file).contains(name), "{name} is not in {file:?}");
        }
    }

    /// Files without a defect, and why.
    const EXCUSED: [(&str, &str); 16] = [
        ("lib.rs", "only modules"),
        ("flow.rs", "only modules"),
        ("metrics.rs", "only modules"),
        ("model.rs", "only modules"),
        ("planning.rs", "only modules"),
        ("run_lifecycle.rs", "only modules"),
        ("scan.rs", "only modules"),
        ("services.rs", "only modules"),
        ("model/fault.rs", "names of the simulator's faults"),
        ("model/impact.rs", "plain data"),
        ("model/observation.rs", "plain data for the checks"),
        ("model/port_call.rs", "counts for the checks"),
        ("ports.rs", "traits and plain data"),
        ("ports/set.rs", "accessors of different types"),
        ("ports/unavailable.rs", "no simulated process uses it"),
        ("testing.rs", "only for tests"),
    ];

    fn sources(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                let below = path.strip_prefix(root().join(WORKER)).unwrap();
                found.insert(below.display().to_string());
            }
        }
    }

    #[test]
    fn every_file_of_the_worker_has_a_defect_or_an_excuse() {
        let mut files = BTreeSet::new();
        sources(&root().join(WORKER), &mut files);
        let defects = defects().unwrap();
        let sites = defects.iter().flat_map(|defect| &defect.sites);
        let covered = sites.map(|site| site.file.as_str());
        let excused = EXCUSED.map(|(file, _)| file);
        let known: BTreeSet<_> = covered.chain(excused).map(str::to_owned).collect();
        assert_eq!(files, known);
    }

    #[test]
    fn defects_have_names_of_their_own() {
        let defects = defects().unwrap();
        let names: BTreeSet<_> = defects.iter().map(|defect| &defect.name).collect();
        assert_eq!(names.len(), defects.len());
        assert!(names.len() >= 80, "{} defects", names.len());
    }

    #[test]
    fn each_text_occurs_once_and_no_two_sites_overlap() {
        planting::plant_all(&defects().unwrap()).unwrap();
    }
}
