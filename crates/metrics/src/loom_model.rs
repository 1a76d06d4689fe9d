//! Models of the cells for the checker `loom`: every interleaving and every order of memory that
//! the memory model allows, for a few operations.
//!
//! The recording thread is always the one that starts the model, and readers are spawned: `loom`
//! 0.7 forgets a reader's load when the recorder loads the same word again before it stores, and
//! would then explore too little.
//!
//! Run by `RUSTFLAGS="--cfg rehearsal_loom" cargo test -p rehearsal-metrics --lib loom_model`.

use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use loom::thread;

use super::counter;
use super::histogram::{HistogramReading, read_cell, write};
use super::sharded_cells::CellShard;
use super::sync::Ordering;

const BUCKETS: usize = 2;
/// Sequence, sum, two buckets.
const WORDS: u32 = 4;

fn record(shard: &CellShard, bucket: usize, amount: f64) {
    write(shard.words(0..WORDS), 2 + bucket, amount, 1);
}

fn read(shard: &CellShard) -> HistogramReading {
    let mut reading = HistogramReading::new(BUCKETS);
    read_cell(shard.words(0..WORDS), &mut reading);
    reading
}

/// A sum that belongs to the counts: 1 for each sample in the first bucket, 10 in the second.
fn is_whole(reading: &HistogramReading) -> bool {
    let counts = reading.counts();
    (reading.sum() - (counts[0] as f64 + 10.0 * counts[1] as f64)).abs() < 0.5
}

#[test]
fn reading_during_recording_is_consistent_and_monotone() {
    loom::model(|| {
        let shard = Arc::new(CellShard::new(WORDS as usize));
        let reader = Arc::clone(&shard);
        let reader = thread::spawn(move || {
            let (first, second) = (read(&reader), read(&reader));
            assert!(is_whole(&first), "{first:?}");
            assert!(is_whole(&second), "{second:?}");
            assert!(first.count() <= second.count(), "{first:?} then {second:?}");
        });
        record(&shard, 0, 1.0);
        record(&shard, 1, 10.0);
        reader.join().expect("no panic");
        assert_eq!(read(&shard).counts(), [1, 1]);
    });
}

#[test]
fn record_before_signal_is_visible_after_it() {
    loom::model(|| {
        let shard = Arc::new(CellShard::new(WORDS as usize + 1));
        let signal = Arc::new(AtomicBool::new(false));
        let (page_of, signal_of) = (Arc::clone(&shard), Arc::clone(&signal));
        let reader = thread::spawn(move || {
            if signal_of.load(Ordering::Acquire) {
                assert_eq!(page_of.get(WORDS), 1);
                assert_eq!(read(&page_of).counts(), [0, 1]);
            }
        });
        counter::raise(shard.word(WORDS), 1);
        record(&shard, 1, 10.0);
        signal.store(true, Ordering::Release);
        reader.join().expect("no panic");
    });
}

/// A thread's number, and with it its shard, goes to another thread: the lock through which it
/// goes makes the new owner see all of the old one's counts, so none is overwritten.
#[test]
fn shard_reused_by_other_thread_keeps_counts() {
    loom::model(|| {
        let shard = Arc::new(CellShard::new(1));
        let free = Arc::new(loom::sync::Mutex::new(false));
        let (page_of, free_of) = (Arc::clone(&shard), Arc::clone(&free));
        let first = thread::spawn(move || {
            counter::raise(page_of.word(0), 1);
            *free_of.lock().expect("no panic") = true;
        });
        let (page_of, free_of) = (Arc::clone(&shard), Arc::clone(&free));
        let second = thread::spawn(move || {
            let mine = *free_of.lock().expect("no panic");
            if mine {
                counter::raise(page_of.word(0), 1);
            }
            mine
        });
        first.join().expect("no panic");
        let both = second.join().expect("no panic");
        assert_eq!(shard.get(0), 1 + u64::from(both));
    });
}

/// The shards of two recording threads added up, as a snapshot does.
#[test]
fn two_recorders_with_reader_keep_exact_sum() {
    loom::model(|| {
        let shards = [(); 2].map(|()| Arc::new(CellShard::new(WORDS as usize)));
        let (mine, other) = (Arc::clone(&shards[0]), Arc::clone(&shards[1]));
        let recorder = thread::spawn(move || record(&other, 1, 10.0));
        let reader = thread::spawn(move || {
            let mut reading = HistogramReading::new(BUCKETS);
            for shard in &shards {
                read_cell(shard.words(0..WORDS), &mut reading);
            }
            assert!(is_whole(&reading), "{reading:?}");
        });
        record(&mine, 0, 1.0);
        recorder.join().expect("no panic");
        reader.join().expect("no panic");
    });
}
