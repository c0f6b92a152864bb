//! The calls about controls that the `v4l` crate does not offer, or only in a form that panics.

use std::io;

use v4l::Device;
use v4l::v4l_sys::{v4l2_control, v4l2_query_ext_ctrl, v4l2_querymenu};
use v4l::v4l2::vidioc::{
    _IOC_TYPE, VIDIOC_G_CTRL, VIDIOC_QUERY_EXT_CTRL, VIDIOC_QUERYMENU, VIDIOC_S_CTRL,
};

/// One kind of call: its number, and the structure that the kernel reads and writes for it.
pub(super) trait Request {
    /// Fixed in `videodev2.h` together with the number, which carries its size.
    type Argument;
    /// The request code of `ioctl(2)`.
    const NUMBER: _IOC_TYPE;
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($argument:ty) = $number:expr;)+) => {
        $($(#[$doc])*
        pub(super) struct $name;

        impl Request for $name {
            type Argument = $argument;
            const NUMBER: _IOC_TYPE = $number;
        })+
    };
}

requests!(
    /// What a control is, or the next one of the list.
    QueryControl(v4l2_query_ext_ctrl) = VIDIOC_QUERY_EXT_CTRL;
    /// One entry of a menu.
    QueryMenu(v4l2_querymenu) = VIDIOC_QUERYMENU;
    /// The value of a control of 32 bits.
    GetControl(v4l2_control) = VIDIOC_G_CTRL;
    /// The value that a control of 32 bits is to have.
    SetControl(v4l2_control) = VIDIOC_S_CTRL;
);

/// Makes the call. Blocks for as long as the driver takes.
///
/// # Errors
/// The system's.
#[allow(
    unsafe_code,
    reason = "the `v4l` crate's own calls panic on controls that it does not know"
)]
pub(super) fn ioctl<R: Request>(device: &Device, argument: &mut R::Argument) -> io::Result<()> {
    let argument: *mut R::Argument = argument;
    // SAFETY: the number and the structure belong together (`Request`; the number holds the
    // structure's size, by which the kernel copies), the structure holds no pointers and any
    // bytes are a valid one, and it lives until the call returns. The descriptor is open as
    // long as the device lives.
    unsafe { v4l::v4l2::ioctl(device.handle().fd(), R::NUMBER, argument.cast()) }
}
