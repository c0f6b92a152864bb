//! Reading frames from a driver's mapped buffers, without ever blocking for longer than was asked.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use v4l::Device;
use v4l::buffer::{Flags, Metadata};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};

use super::call::call;
use super::clock::{Moment, Sequence};
use crate::format::FrameFormat;
use crate::frame::RawFrame;
use crate::pool::BufferPool;
use crate::source::{Source, SourceError};

/// An open V4L2 camera.
pub(super) struct V4l2Source {
    /// Always there until dropped.
    stream: Option<Stream<'static>>,
    device: Device,
    format: FrameFormat,
    /// What [`Source::describe`] says of it, fixed when it is opened.
    description: String,
    stage: Stage,
    sequence: Sequence,
    buffers: BufferPool,
}

/// Where the buffers are. `Stream::next` gives back the buffer that it handed out last before it
/// takes another, so calling it with none in hand would queue a buffer twice, which the kernel
/// refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The stream is not started; the first `next` does it.
    Idle,
    /// The driver has all buffers: the first `next` timed out.
    AllQueued,
    /// `Stream::next` has handed out one, the driver has the others.
    OneHandedOut,
}

impl V4l2Source {
    pub(super) fn new(
        device: Device,
        stream: Stream<'static>,
        format: FrameFormat,
        description: String,
    ) -> Self {
        Self {
            stream: Some(stream),
            device,
            format,
            description,
            stage: Stage::Idle,
            sequence: Sequence::default(),
            buffers: BufferPool::new(),
        }
    }

    /// Waits until a buffer is ready or the device has something to complain of; false at the
    /// deadline.
    fn is_ready(&self, deadline: Instant) -> Result<bool, SourceError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.device.handle().poll(libc::POLLIN, milliseconds(left)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                // A signal for another purpose: poll is never restarted by the kernel.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return call("waiting for a frame", || Err(error)),
            }
        }
    }

    /// The next buffer that the driver has filled; nothing at the deadline, or when it was given
    /// up.
    fn take(&mut self, deadline: Instant) -> Result<Option<RawFrame>, SourceError> {
        if self.stage != Stage::Idle && !self.is_ready(deadline)? {
            return Ok(None);
        }
        let Some(stream) = &mut self.stream else {
            return Err(SourceError::Gone);
        };
        if self.stage == Stage::AllQueued {
            // The crate shows a buffer's bytes only through `next`: this frame is given up so
            // that one is handed out.
            call("taking a frame", || CaptureStream::dequeue(stream))?;
            self.stage = Stage::OneHandedOut;
            return Ok(None);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        // At least a moment, for a buffer that poll has just announced.
        stream.set_timeout(Duration::from_millis(
            milliseconds(left).max(1).unsigned_abs().into(),
        ));
        let starting = self.stage == Stage::Idle;
        let (format, sequence, pool) = (self.format, &mut self.sequence, &self.buffers);
        let frame = call("taking a frame", || match CaptureStream::next(stream) {
            Ok((data, meta)) => Ok(Some(frame(format, sequence, pool, data, meta))),
            Err(error) if starting && is_not_yet(&error) => Ok(None),
            Err(error) => Err(error),
        })?;
        self.stage = if frame.is_some() {
            Stage::OneHandedOut
        } else {
            Stage::AllQueued
        };
        Ok(frame)
    }
}

impl Source for V4l2Source {
    fn format(&self) -> FrameFormat {
        self.format
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Option<RawFrame>, SourceError> {
        let deadline = Instant::now() + timeout;
        loop {
            let frame = self.take(deadline)?;
            if frame.is_some() || Instant::now() >= deadline {
                return Ok(frame);
            }
        }
    }
}

impl Drop for V4l2Source {
    /// The crate panics when a stream does not stop cleanly, and once more when its buffers are
    /// then refused: two panics at once abort the program. So the stream is stopped here first,
    /// and given up if that fails.
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        let stopped = catch_unwind(AssertUnwindSafe(|| match stream.stop() {
            Err(error) if error.raw_os_error() != Some(libc::ENODEV) => {
                // Its buffers and its descriptor are lost until the program ends. No driver in the
                // kernel's tree does this; the device would be held by it in any
                // case.
                tracing::error!(
                    %error,
                    camera = self.description,
                    "the camera does not stop; given up"
                );
                mem::forget(stream);
            }
            _ => drop(stream),
        }));
        if stopped.is_err() {
            tracing::error!(
                camera = self.description,
                "the camera does not take its buffers back"
            );
        }
    }
}

/// A frame copied out of the driver's buffer, so that the driver can have it back. Whether it is
/// whole is judged where frames are counted; the bytes of one that the driver marks as damaged are
/// worth nothing, so it has none there.
fn frame(
    format: FrameFormat,
    sequence: &mut Sequence,
    pool: &BufferPool,
    buffer: &[u8],
    meta: &Metadata,
) -> RawFrame {
    let moment = Moment::of(meta.flags, meta.timestamp);
    let written = buffer.get(..meta.bytesused as usize).unwrap_or(buffer);
    let is_damaged = meta.flags.contains(Flags::ERROR);
    RawFrame {
        format,
        data: if is_damaged {
            Bytes::new()
        } else {
            pool.copy(written)
        },
        captured_at: moment.wall,
        captured: moment.monotonic,
        sequence: sequence.widen(meta.sequence),
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// For poll: rounded up, so that a wait is never cut to a busy loop.
fn milliseconds(wait: Duration) -> i32 {
    i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::PixelFormat;

    const YUYV: FrameFormat = FrameFormat::tight(PixelFormat::Yuyv, 4, 2);

    fn taken(used: u32, flags: Flags) -> RawFrame {
        let meta = Metadata {
            bytesused: used,
            flags,
            ..Metadata::default()
        };
        let mut sequence = Sequence::default();
        frame(YUYV, &mut sequence, &BufferPool::new(), &[9; 20], &meta)
    }

    #[test]
    fn a_frame_has_the_bytes_that_the_driver_says_it_wrote() {
        assert_eq!(taken(16, Flags::DONE).data.as_ref(), [9; 16]);
        assert_eq!(taken(0, Flags::DONE).data.len(), 0);
    }

    #[test]
    fn a_driver_that_claims_more_than_its_buffer_gets_the_buffer() {
        assert_eq!(taken(4000, Flags::DONE).data.len(), 20);
    }

    #[test]
    fn a_damaged_frame_is_handed_on_without_its_bytes() {
        assert_eq!(taken(16, Flags::DONE | Flags::ERROR).data.len(), 0);
    }

    #[test]
    fn waits_are_rounded_up_and_never_overflow() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_nanos(1_000_001)), 2);
        assert_eq!(milliseconds(Duration::from_micros(1)), 1);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX);
    }
}
