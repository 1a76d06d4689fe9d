//! Observations of processes and faults.

use super::Oracle;
use crate::check::invariant::FaultChange;
use crate::check::state::IncarnationExit;
use crate::model::IncarnationId;
use crate::model::fault::FaultKind;
use crate::model::observation::{IncarnationEnd, Observation};

impl Oracle {
    pub(super) fn observe_process(&mut self, observation: &Observation<'_>) {
        let now = self.state.now;
        match *observation {
            Observation::IncarnationStarted { incarnation } => {
                self.state.number(incarnation);
            }
            Observation::IncarnationEnded { incarnation, end } => {
                self.compare_dirty();
                self.incarnation_ended(incarnation, end);
            }
            Observation::StopRequested { incarnation } => {
                let incarnation = self.state.number(incarnation);
                self.state.incarnations[incarnation].stopping_since = Some(now);
            }
            Observation::Paused { incarnation } => {
                let incarnation = self.state.number(incarnation);
                self.state.incarnations.pause(incarnation, true, now);
            }
            Observation::Resumed { incarnation } => {
                let incarnation = self.state.number(incarnation);
                self.state.incarnations.pause(incarnation, false, now);
            }
            Observation::CutOff { process, port } => {
                self.state.incarnations.reach(process, port, false, now);
            }
            Observation::Reconnected { process, port } => {
                self.state.incarnations.reach(process, port, true, now);
            }
            Observation::FaultBegan { kind, subject } => {
                self.fault_changed(kind, true);
                self.state.episodes.begin(kind, subject, now);
            }
            Observation::FaultEnded { kind, subject } => {
                self.fault_changed(kind, false);
                self.state.episodes.end(kind, subject, now);
            }
            Observation::FaultTriggered { kind } => self.state.faults.hit(kind, now),
            Observation::CallSlow {
                incarnation,
                port,
                until,
            } => {
                self.state.faults.slow_call(port, until);
                let incarnation = self.state.number(incarnation);
                self.state.incarnations.slow_call(incarnation, port, until);
            }
            _ => {}
        }
    }

    fn incarnation_ended(&mut self, incarnation: &IncarnationId, end: IncarnationEnd) {
        let ended = IncarnationExit {
            incarnation: self.state.resolve(incarnation),
            end,
        };
        self.check(|invariants, context| invariants.incarnation_ended(context, &ended));
        self.compare_all(ended.incarnation.index);
        self.state.record_end(&ended);
    }

    fn fault_changed(&mut self, kind: FaultKind, begins: bool) {
        self.compare_dirty();
        let fault = FaultChange { kind, begins };
        self.check(|invariants, context| invariants.fault_changing(context, fault));
        let now = self.state.now;
        if begins {
            self.state.faults.begin(kind, now);
        } else {
            self.state.faults.end(kind, now);
        }
        self.check(|invariants, context| invariants.fault_changed(context, fault));
    }
}
