//! Key paths of all distributions of a scenario, for checks and files that concern them all.

use super::document::KeyPath;
use super::{CountDistribution, DurationDistribution, FaultEffect, Scenario};

/// Distribution of durations or of counts.
pub enum AnyDistribution<'a> {
    /// Distribution of durations.
    Duration(&'a mut DurationDistribution),
    /// Distribution of counts.
    Count(&'a mut CountDistribution),
}

/// Lists every distribution of the scenario with its key path.
pub fn distributions(scenario: &mut Scenario) -> Vec<(KeyPath, AnyDistribution<'_>)> {
    let mut all = Vec::new();
    let root = KeyPath::root();
    let fleet = root.key("fleet").key("componentsPerImage");
    all.push((
        fleet,
        AnyDistribution::Count(&mut scenario.fleet.components_per_image),
    ));
    if let Some(advisories) = &mut scenario.advisories {
        let path = root.key("advisories");
        all.push((
            path.key("interval"),
            AnyDistribution::Duration(&mut advisories.interval),
        ));
        all.push((
            path.key("components"),
            AnyDistribution::Count(&mut advisories.components),
        ));
        all.push((
            path.key("updateDelay"),
            AnyDistribution::Duration(&mut advisories.update_delay),
        ));
    }
    let deltas = root.key("deltas").key("newFindings");
    all.push((
        deltas,
        AnyDistribution::Count(&mut scenario.deltas.new_findings),
    ));

    let scanner = &mut scenario.scanner;
    let latency = &mut scenario.latency;
    let optional = [
        (
            "analysisOnlyLatency",
            scanner.analysis_only_latency.as_mut(),
        ),
        (
            "contentRefreshLatency",
            scanner.content_refresh_latency.as_mut(),
        ),
    ];
    let store = scenario.store.as_mut().map(|store| {
        [
            ("store", "readTime", &mut store.read_time),
            ("store", "writeTime", &mut store.write_time),
            ("store", "commitTime", &mut store.commit_time),
        ]
    });
    let queue = scenario.queue.as_mut().map(|queue| {
        [
            ("queue", "enqueueTime", &mut queue.enqueue_time),
            ("queue", "leaseTime", &mut queue.lease_time),
            ("queue", "answerTime", &mut queue.answer_time),
        ]
    });
    let service_times = store.into_iter().chain(queue).flatten();
    let durations = [
        ("scanner", "latency", &mut scanner.latency),
        ("scanner", "slowLatency", &mut scanner.slow_latency),
        ("scanner", "retryAfter", &mut scanner.retry_after),
        ("latency", "store", &mut latency.store),
        ("latency", "queue", &mut latency.queue),
        ("latency", "notify", &mut latency.notify),
        ("latency", "impact", &mut latency.impact),
    ];
    let optional = optional.into_iter().filter_map(|(key, distribution)| {
        distribution.map(|distribution| ("scanner", key, distribution))
    });
    let durations = durations.into_iter().chain(optional);
    for (section, key, distribution) in durations.chain(service_times) {
        let path = root.key(section).key(key);
        all.push((path, AnyDistribution::Duration(distribution)));
    }

    for (index, fault) in scenario.faults.iter_mut().enumerate() {
        let path = root.key("fault").index(index);
        let found = match &mut fault.effect {
            FaultEffect::ScannerThrottle { retry_after, .. } => ("retryAfter", retry_after),
            FaultEffect::QueueDelay { delay, .. } => ("delay", delay),
            _ => continue,
        };
        all.push((path.key(found.0), AnyDistribution::Duration(found.1)));
    }
    all
}
