//! Which addresses are one client's.

use std::net::{IpAddr, Ipv6Addr};

/// The client at this address: one address of IPv4, or one network (/64) of IPv6, which gives each
/// device as many addresses as it likes.
pub fn client_at(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}
