//! Prefetch hints to the processor.

/// Prefetches the first two cache lines of `target`. A hint changes only time. It does nothing on
/// processors for which the standard library has no such hint.
#[inline]
pub(super) fn prefetch<T: ?Sized>(target: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        let first = std::ptr::from_ref(target).cast::<i8>();
        let second = first.wrapping_add(64);
        // SAFETY: `prefetcht0` reads nothing that the program can see, writes nothing, and never
        // faults, whatever the address (Intel SDM volume 2, PREFETCHh; AMD APM volume 3, the
        // same); so it doesn't matter that the second line may not belong to `target`. It is part
        // of SSE, which every x86-64 processor has.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(first);
            _mm_prefetch::<_MM_HINT_T0>(second);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = target;
}
