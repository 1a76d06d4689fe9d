//! Chrome trace event format: tracks as a JSON file that Perfetto opens.
//!
//! Spans overlap, because a process works on several segments at once. They are therefore written
//! as pairs of asynchronous events, which the viewer stacks. Complete events (`X`) would have to
//! be nested.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::tracks::{RUNS, TrackItem, WORLD};
use crate::model::Timestamp;
use rehearsal_convert::Nearest;

/// Writes items as a trace file. Every track becomes a process of the trace, the world first.
///
/// # Errors
/// The writer failed.
pub(super) fn write(items: &[TrackItem], out: impl io::Write) -> io::Result<()> {
    let mut numbers = BTreeMap::from([(WORLD, 1), (RUNS, 2)]);
    let mut next = 3;
    for item in items {
        numbers.entry(&item.track).or_insert_with(|| {
            next += 1;
            next - 1
        });
    }
    let names = numbers
        .iter()
        .map(|(name, pid)| ChromeTraceEvent::name(name, *pid));
    let events = items
        .iter()
        .enumerate()
        .flat_map(|(id, item)| item.events(id, numbers[item.track.as_str()]));
    let mut trace_events: Vec<ChromeTraceEvent> = names.chain(events).collect();
    trace_events.sort_by(|a, b| a.ts.total_cmp(&b.ts).then(a.pid.cmp(&b.pid)));
    let file = ChromeTrace {
        display_time_unit: "ms",
        trace_events,
    };
    serde_json::to_writer(out, &file).map_err(io::Error::from)
}

impl TrackItem {
    fn events(&self, id: usize, pid: u32) -> Vec<ChromeTraceEvent> {
        let event = |phase, at| ChromeTraceEvent {
            name: self.name.clone(),
            cat: self.category,
            ph: phase,
            ts: micros(at),
            pid,
            tid: pid,
            id: None,
            s: None,
            args: TraceEventArgs::default(),
        };
        let args = TraceEventArgs {
            end: (!self.end.is_empty()).then(|| self.end.clone()),
            name: None,
        };
        match self.until {
            None => {
                // Events of the world are drawn as a line over all tracks.
                let scope = if pid == 1 { "g" } else { "p" };
                let instant = event("i", self.from);
                vec![ChromeTraceEvent {
                    s: Some(scope),
                    args,
                    ..instant
                }]
            }
            Some(until) => [
                ("b", self.from, args),
                ("e", until, TraceEventArgs::default()),
            ]
            .map(|(phase, at, args)| ChromeTraceEvent {
                id: Some(id.to_string()),
                args,
                ..event(phase, at)
            })
            .into(),
        }
    }
}

/// Trace file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChromeTrace {
    display_time_unit: &'static str,
    trace_events: Vec<ChromeTraceEvent>,
}

/// Trace event. The names of the fields are those of the format.
#[derive(Serialize)]
struct ChromeTraceEvent {
    name: String,
    cat: &'static str,
    ph: &'static str,
    ts: f64,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    args: TraceEventArgs,
}

/// Arguments of an event, which the viewer shows when the event is selected.
#[derive(Default, Serialize)]
struct TraceEventArgs {
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl ChromeTraceEvent {
    /// Creates the metadata event that names a track.
    fn name(track: &str, pid: u32) -> Self {
        Self {
            name: "process_name".into(),
            cat: "__metadata",
            ph: "M",
            ts: 0.0,
            pid,
            tid: pid,
            id: None,
            s: None,
            args: TraceEventArgs {
                name: Some(track.to_owned()),
                end: None,
            },
        }
    }
}

fn micros(at: Timestamp) -> f64 {
    at.nanos().nearest_f64() / 1e3
}
