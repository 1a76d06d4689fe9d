//! Identities of events, computed independently of the worker.

use crate::model::{EventId, EventKind, ImageDigest, RunId};

/// Computes identities of one run's events, with its name hashed in from one buffer.
#[derive(Debug, Default)]
pub(super) struct IdentityHasher {
    run: String,
    buffers: [Vec<u8>; 2],
}

impl IdentityHasher {
    /// Selects the run of the following identities.
    pub fn set_run(&mut self, run: &RunId) {
        if self.run == run.as_str() {
            return;
        }
        self.run.clear();
        self.run.push_str(run.as_str());
        for kind in [EventKind::ReportReady, EventKind::RescanDelta] {
            let buffer = &mut self.buffers[kind as usize];
            buffer.clear();
            buffer.extend_from_slice(kind.as_str().as_bytes());
            buffer.push(0);
            buffer.extend_from_slice(self.run.as_bytes());
            buffer.push(0);
            buffer.extend_from_slice(&[0; 32]);
        }
    }

    /// Identity of the event of this kind for an image of the run.
    pub fn id(&mut self, kind: EventKind, image: &ImageDigest) -> EventId {
        let buffer = &mut self.buffers[kind as usize];
        let image_begins = buffer.len() - 32;
        buffer[image_begins..].copy_from_slice(image.as_bytes());
        EventId(xxhash_rust::xxh3::xxh3_128(buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_hasher_gives_the_contracts_identities() {
        let mut hasher = IdentityHasher::default();
        for run in ["run:a:s:cron:1", "run:a:s:cron:2"] {
            let run = RunId::from(run);
            hasher.set_run(&run);
            for kind in [EventKind::ReportReady, EventKind::RescanDelta] {
                let image = ImageDigest::new([5; 32]);
                assert_eq!(hasher.id(kind, &image), EventId::of(kind, &run, &image));
            }
        }
    }
}
