//! Coverage of a segment's images by the commit of the segment.

use super::run::RunWork;
use crate::model::ImageDigest;
use crate::model::commit::SegmentCommit;
use rehearsal_convert::Index;

/// Coverage of a segment's images by the reports and failures of its commit.
#[derive(Debug, Clone)]
pub(crate) struct ImageCoverage {
    /// Images of the segment.
    pub total: usize,
    /// First image of the commit that is not of the segment, or that was covered before.
    pub foreign: Option<ImageDigest>,
    /// First image of the segment that the commit does not cover.
    pub missing: Option<ImageDigest>,
}

impl ImageCoverage {
    /// Coverage of a segment of the run with this work, and the slot of each report. None if the
    /// segment is not known.
    pub fn new(work: &RunWork, segment: &SegmentCommit) -> Option<(Self, Vec<u32>)> {
        let record = work.segments.get(segment.key.index.to_index())?;
        let end = record.start + record.length;
        let range = record.start.to_index()..end.to_index();
        let digests = work.digests.as_ref()?.get(range.clone())?;
        let slots = work.slots.get(range).unwrap_or_default();
        let complete = Self {
            total: digests.len(),
            foreign: None,
            missing: None,
        };
        let has_order = segment.failed.is_empty()
            && segment.reports.len() == digests.len()
            && slots.len() == digests.len();
        let mut pairs = segment.reports.iter().zip(digests);
        if has_order && pairs.all(|(report, image)| report.image == *image) {
            return Some((complete, slots.to_vec()));
        }
        Some(complete.in_any_order(segment, digests, slots))
    }

    fn in_any_order(
        mut self,
        segment: &SegmentCommit,
        digests: &[ImageDigest],
        slots: &[u32],
    ) -> (Self, Vec<u32>) {
        let mut cover = ImageCursor {
            digests,
            seen: vec![false; digests.len()],
            next: 0,
        };
        let mut found = Vec::with_capacity(segment.reports.len());
        for report in &segment.reports {
            let position = cover.take(&report.image);
            self.foreign = self.foreign.or(position.is_none().then_some(report.image));
            let slot = position.and_then(|position| slots.get(position));
            found.push(slot.copied().unwrap_or(super::image::NO_SLOT));
        }
        cover.next = 0;
        for image in &segment.failed {
            self.foreign = self
                .foreign
                .or(cover.take(image).is_none().then_some(*image));
        }
        let missing = cover.seen.iter().position(|seen| !seen);
        self.missing = missing.map(|position| digests[position]);
        (self, found)
    }
}

/// Marks images that mostly come in order.
struct ImageCursor<'w> {
    digests: &'w [ImageDigest],
    seen: Vec<bool>,
    next: usize,
}

impl ImageCursor<'_> {
    /// Position of an image that was not taken before.
    fn take(&mut self, image: &ImageDigest) -> Option<usize> {
        let count = self.digests.len();
        let position = (self.next..count)
            .chain(0..self.next)
            .find(|position| self.digests[*position] == *image && !self.seen[*position])?;
        self.seen[position] = true;
        self.next = position + 1;
        Some(position)
    }
}
