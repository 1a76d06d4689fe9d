//! Observer that counts the coverage of one rehearsal.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::Coverage;
use crate::model::commit::CommitRefusal;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueName, QueueStep};
use crate::model::{Commit, CommitAnswer, RunId, RunState};

/// Pipeline activity at the injection of a fault; several may apply.
const STAGES: [&str; 4] = ["at rest", "planning", "queued", "running"];

/// States of a run.
const STATES: [RunState; 6] = [
    RunState::Planning,
    RunState::Queued,
    RunState::Running,
    RunState::Completed,
    RunState::Error,
    RunState::Cancelled,
];

/// Answers of the store to a commit.
const ANSWERS: [&str; 7] = [
    "applied",
    "applied by another",
    "conflict",
    "refused: superseded",
    "refused: run missing",
    "refused: run terminal",
    "lost",
];

/// Transitions of a message.
const STEPS: [&str; 12] = [
    "enqueued",
    "deduplicated",
    "leased",
    "renewed",
    "acknowledged",
    "released",
    "expired",
    "dead-lettered",
    "dropped",
    "redriven",
    "refused late",
    "lost",
];

/// Coverage counts of one rehearsal.
#[derive(Debug)]
pub(super) struct CoverageObserver {
    /// States of the runs that are not terminal.
    runs: HashMap<RunId, RunState, FxBuildHasher>,
    /// Number of runs in each of the first three states.
    unfinished: [u64; 3],
    faults: Vec<[u64; STAGES.len()]>,
    transitions: [[u64; STATES.len()]; STATES.len()],
    answers: [u64; ANSWERS.len()],
    messages: [[u64; STEPS.len()]; 2],
}

impl Default for CoverageObserver {
    fn default() -> Self {
        Self {
            runs: HashMap::default(),
            unfinished: [0; 3],
            faults: vec![[0; STAGES.len()]; FaultKind::ALL.len()],
            transitions: [[0; STATES.len()]; STATES.len()],
            answers: [0; ANSWERS.len()],
            messages: [[0; STEPS.len()]; 2],
        }
    }
}

impl CoverageObserver {
    pub fn observe(&mut self, observation: &Observation<'_>) {
        match observation {
            Observation::FaultBegan { kind, .. } | Observation::FaultTriggered { kind } => {
                self.count_fault(*kind);
            }
            Observation::CommitApplied { commit, .. } => self.count_transitions(commit),
            Observation::CommitLearned { answer, .. } => self.answers[answer_index(answer)] += 1,
            Observation::CommitAnswerLost { .. } => self.answers[ANSWERS.len() - 1] += 1,
            Observation::Message { queue, step, .. } => {
                self.messages[*queue as usize][step_index(*step)] += 1;
            }
            _ => {}
        }
    }

    fn count_fault(&mut self, kind: FaultKind) {
        let stages = &mut self.faults[kind as usize];
        if self.runs.is_empty() {
            stages[0] += 1;
        }
        for (stage, runs) in stages[1..].iter_mut().zip(self.unfinished) {
            *stage += u64::from(runs > 0);
        }
    }

    fn count_transitions(&mut self, commit: &Commit) {
        for write in &commit.runs {
            let (id, next) = (&write.run.id, write.run.state);
            let previous = match next.is_terminal() {
                true => self.runs.remove(id),
                false => self.runs.insert(id.clone(), next),
            };
            if previous == Some(next) {
                continue;
            }
            if let Some(previous) = previous {
                self.transitions[previous as usize][next as usize] += 1;
                self.unfinished[previous as usize] -= 1;
            }
            if let Some(runs) = self.unfinished.get_mut(next as usize) {
                *runs += 1;
            }
        }
    }

    /// Coverage of the rehearsal, with all events that can occur.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for (kind, stages) in FaultKind::ALL.iter().zip(&self.faults) {
            for (stage, times) in STAGES.iter().zip(stages) {
                coverage.note(&format!("fault {} while {stage}", kind.as_str()), *times);
            }
        }
        for (from, row) in STATES.iter().zip(&self.transitions) {
            for (to, times) in STATES.iter().zip(row) {
                // An illegal transition is a violation, not a coverage goal.
                if from.may_become(*to) {
                    coverage.note(&format!("run {from} → {to}"), *times);
                }
            }
        }
        for (answer, times) in ANSWERS.iter().zip(self.answers) {
            coverage.note(&format!("commit {answer}"), times);
        }
        for (queue, row) in QueueName::ALL.iter().zip(&self.messages) {
            for (step, times) in STEPS.iter().zip(row) {
                coverage.note(&format!("{} message {step}", queue.as_str()), *times);
            }
        }
        coverage
    }
}

fn answer_index(answer: &CommitAnswer) -> usize {
    match answer {
        CommitAnswer::Applied(_) => 0,
        CommitAnswer::AppliedByAnother => 1,
        CommitAnswer::Conflict => 2,
        CommitAnswer::Refused(CommitRefusal::Superseded) => 3,
        CommitAnswer::Refused(CommitRefusal::RunMissing) => 4,
        CommitAnswer::Refused(CommitRefusal::RunTerminal) => 5,
    }
}

fn step_index(step: QueueStep) -> usize {
    match step {
        QueueStep::Enqueued => 0,
        QueueStep::Deduplicated => 1,
        QueueStep::Leased { .. } => 2,
        QueueStep::Renewed { .. } => 3,
        QueueStep::Acknowledged => 4,
        QueueStep::Released { .. } => 5,
        QueueStep::Expired => 6,
        QueueStep::DeadLettered => 7,
        QueueStep::Dropped => 8,
        QueueStep::Redriven => 9,
        QueueStep::RefusedLate => 10,
        QueueStep::Lost => 11,
    }
}
