//! From a scan request to the commit of a segment.

pub mod report_delta;
pub mod scanner_client;
pub mod segment_commit;
