//! `parallelism`: leased segments, and released windows.

use std::num::NonZeroU32;

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::Parallelism;
use crate::model::commit::{EndReason, ScheduleStateWrite};
use crate::model::observation::ScheduleChange;
use crate::model::{RunState, RunWindow, ScheduleState};

pub const DEFECTS: &[Defect] = &[
    Defect::new(Parallelism, "two segments where one is allowed", || {
        let mut fixture = Fixture::new();
        fixture.change_schedule(ScheduleChange::Edited, |schedule| {
            schedule.limits.parallelism = NonZeroU32::new(1);
        });
        fixture.fire().plan().dispatch();
        let (first, second) = (fixture.message_of(0), fixture.message_of(1));
        let delivery = fixture.begin(0, first);
        fixture.wait(1);
        let other = fixture.begin(1, second);
        for (index, message, delivery) in [(0, first, delivery), (1, second, other)] {
            let commit = fixture.segment_commit(index, delivery);
            let events = commit.events.clone();
            fixture
                .submit(commit)
                .publish(&events)
                .acknowledge(message, delivery, Some(index));
        }
        fixture.end()
    }),
    Defect::new(Parallelism, "released window left open by an end", || {
        let (mut fixture, ..) = Fixture::with_a_segment();
        let mut commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
        let window = RunWindow {
            run: fixture.run_id(),
            segments: 2,
            released: 2,
            committed: 0,
        };
        commit.schedule = Some(ScheduleStateWrite {
            id: fixture.schedule.id.clone(),
            expected: 3,
            state: ScheduleState {
                running: vec![window],
                ..ScheduleState::default()
            },
        });
        fixture.submit(commit).stop_here()
    }),
];
