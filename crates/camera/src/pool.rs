//! Frame buffers used again: a raw frame has megabytes, and fresh ones from the kernel cost a page
//! fault per 4 KiB.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Free buffers kept at most: one to fill, one for the slot, one for the encoder.
const MAX_FREE: usize = 3;

/// A few buffers that come back when the last clone of their [`Bytes`] is dropped.
#[derive(Clone, Default)]
pub struct BufferPool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl BufferPool {
    /// An empty pool; buffers are made when first needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands `fill` an empty buffer (of whatever capacity it grew to before) and shares what it
    /// wrote.
    ///
    /// # Errors
    /// Those of `fill`; the buffer is kept for the next frame.
    pub fn fill<E>(&self, fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
        let mut buffer = Pooled {
            data: self.with_free(Vec::pop).unwrap_or_default(),
            pool: self.clone(),
        };
        buffer.data.clear();
        fill(&mut buffer.data)?;
        Ok(Bytes::from_owner(buffer))
    }

    /// Copies `data` into a buffer of the pool, e.g. out of a driver's mapped memory.
    pub fn copy(&self, data: &[u8]) -> Bytes {
        let filled: Result<Bytes, std::convert::Infallible> = self.fill(|buffer| {
            buffer.extend_from_slice(data);
            Ok(())
        });
        match filled {
            Ok(bytes) => bytes,
            Err(never) => match never {},
        }
    }

    fn with_free<T>(&self, change: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        // A list of free buffers cannot be left half-changed: a panic elsewhere does not spoil it.
        change(&mut self.free.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Pooled {
    data: Vec<u8>,
    pool: BufferPool,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let data = mem::take(&mut self.data);
        self.pool.with_free(|free| {
            if free.len() < MAX_FREE {
                free.push(data);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_holder_lets_go() {
        let pool = BufferPool::new();
        let first = pool.copy(&[1; 4096]);
        let address = first.as_ptr();
        let second_holder = first.clone();
        drop(first);
        assert_ne!(
            pool.copy(&[2; 16]).as_ptr(),
            address,
            "still held by the clone"
        );
        drop(second_holder);
        let is_back = pool.with_free(|s| s.iter().any(|b| b.as_ptr() == address));
        assert!(is_back);
    }

    #[test]
    fn no_more_than_a_few_buffers_are_kept() {
        let pool = BufferPool::new();
        let held: Vec<Bytes> = (0..10).map(|_| pool.copy(&[0; 64])).collect();
        drop(held);
        assert_eq!(pool.with_free(|s| s.len()), MAX_FREE);
    }
}
