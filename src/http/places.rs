//! [`Places`]: how many clients may have a place at a time, how many of one address, and who gives
//! way to whom when there are no more. Connections ([`super::connections`]) and streams
//! ([`super::seats`]) each have their own.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Who a client is to those who share places with it: the higher the later it has to go.
pub trait Rank: Copy + Ord {
    /// How many places of `all` those may have that share with this one ([`Rank::shares_with`]).
    fn most(self, all: usize) -> usize;
    /// Whether the places of `other` count as those of this one. True for itself.
    fn shares_with(self, other: Self) -> bool;
    /// Whether it gives way to a newcomer of its own rank, the oldest first.
    fn yields_to_equals(self) -> bool;
}

/// The places, and who has them. Pure.
pub struct Places<R> {
    all: usize,
    of_one: usize,
    /// By a number that rises: the first is the oldest.
    taken: BTreeMap<u64, Taken<R>>,
    next: u64,
}

struct Taken<R> {
    address: Option<IpAddr>,
    rank: R,
}

/// Which limit keeps a newcomer out, with nobody who gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// That of its address.
    OfAddress,
    /// That of all.
    OfAll,
}

/// A place was had.
#[derive(Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The number that it has for good.
    pub place: u64,
    /// The place of whoever had to go for it.
    pub displaced: Option<u64>,
}

impl<R: Rank> Places<R> {
    /// So many places in all, so many for one address; all are free.
    pub fn new(all: usize, of_one: usize) -> Self {
        Self {
            all,
            of_one,
            taken: BTreeMap::new(),
            next: 0,
        }
    }

    /// A place for a newcomer. `address` is none where it does not tell clients apart.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub fn admit(&mut self, address: Option<IpAddr>, rank: R) -> Result<Admitted, NoPlace> {
        let of_address = |taken: &Taken<R>| address.is_some() && taken.address == address;
        let sharing = |taken: &Taken<R>| rank.shares_with(taken.rank);
        let displaced = if self.count(of_address) >= self.of_one {
            let first = self.first_to_go(rank, of_address);
            Some(first.ok_or(NoPlace::OfAddress)?)
        } else if self.count(sharing) >= rank.most(self.all) {
            Some(self.first_to_go(rank, sharing).ok_or(NoPlace::OfAll)?)
        } else if self.taken.len() >= self.all {
            Some(self.first_to_go(rank, |_| true).ok_or(NoPlace::OfAll)?)
        } else {
            None
        };
        if let Some(place) = displaced {
            self.taken.remove(&place);
        }
        let place = self.next;
        self.next += 1;
        self.taken.insert(place, Taken { address, rank });
        Ok(Admitted { place, displaced })
    }

    /// Whoever has this place is worth more than it seemed; nothing where as many already are.
    pub fn raise(&mut self, place: u64, rank: R) {
        if self.count(|taken| rank.shares_with(taken.rank)) >= rank.most(self.all) {
            return;
        }
        if let Some(taken) = self.taken.get_mut(&place) {
            taken.rank = taken.rank.max(rank);
        }
    }

    /// A place is free again. Nothing where it was given away.
    pub fn leave(&mut self, place: u64) {
        self.taken.remove(&place);
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    fn count(&self, counts: impl Fn(&Taken<R>) -> bool) -> usize {
        self.taken.values().filter(|taken| counts(taken)).count()
    }

    /// Who has to go first for a newcomer of this rank: the lowest, of those the oldest.
    fn first_to_go(&self, rank: R, may: impl Fn(&Taken<R>) -> bool) -> Option<u64> {
        let yields = |of: R| of < rank || (of == rank && rank.yields_to_equals());
        self.taken
            .iter()
            .filter(|(_, taken)| may(taken) && yields(taken.rank))
            .min_by_key(|(place, taken)| (taken.rank, **place))
            .map(|(place, _)| *place)
    }
}

/// A count as a metric has it.
pub fn as_gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks from 0; those below 2 share all places but two, those below 1 give way to equals.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Level(u8);

    impl Rank for Level {
        fn most(self, all: usize) -> usize {
            if self.0 < 2 { all - 2 } else { all }
        }

        fn shares_with(self, other: Self) -> bool {
            self.0 >= 2 || other.0 < 2
        }

        fn yields_to_equals(self) -> bool {
            self.0 == 0
        }
    }

    fn address(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    fn displaced(admitted: Result<Admitted, NoPlace>) -> Option<u64> {
        admitted.unwrap().displaced
    }

    #[test]
    fn one_address_has_its_share_and_no_more_whoever_is_behind_it() {
        let mut places = Places::new(8, 2);
        for _ in 0..2 {
            assert_eq!(displaced(places.admit(Some(address(1)), Level(1))), None);
        }
        let third = places.admit(Some(address(1)), Level(1));
        assert_eq!(third, Err(NoPlace::OfAddress));
        assert_eq!(displaced(places.admit(Some(address(2)), Level(1))), None);
        // Somebody who is worth more has the oldest one's place, of that address.
        assert_eq!(displaced(places.admit(Some(address(1)), Level(2))), Some(0));
        // Where addresses say nothing, none has a share.
        for _ in 0..3 {
            assert_eq!(displaced(places.admit(None, Level(1))), None);
        }
    }

    #[test]
    fn what_is_kept_is_kept_and_the_lowest_and_oldest_goes_first() {
        let mut places = Places::new(6, 6);
        places.admit(Some(address(1)), Level(1)).unwrap();
        for n in 2..5 {
            places.admit(Some(address(n)), Level(0)).unwrap();
        }
        // Four of six: the other two are not for them.
        assert_eq!(displaced(places.admit(Some(address(5)), Level(0))), Some(1));
        assert_eq!(displaced(places.admit(Some(address(6)), Level(1))), Some(2));
        for n in 7..9 {
            assert_eq!(displaced(places.admit(Some(address(n)), Level(2))), None);
        }
        assert_eq!(displaced(places.admit(Some(address(9)), Level(2))), Some(3));
        assert_eq!(displaced(places.admit(Some(address(9)), Level(3))), Some(4));
        assert_eq!(displaced(places.admit(Some(address(9)), Level(3))), Some(0));
        assert_eq!(places.taken(), 6);
        assert_eq!(
            places.admit(Some(address(9)), Level(1)),
            Err(NoPlace::OfAll)
        );
    }

    #[test]
    fn who_was_raised_stays_and_who_left_makes_room() {
        let mut places = Places::new(3, 3);
        let first = places.admit(Some(address(1)), Level(0)).unwrap().place;
        places.raise(first, Level(2));
        places.raise(first, Level(1));
        let second = places.admit(Some(address(1)), Level(0)).unwrap().place;
        assert_eq!(
            displaced(places.admit(Some(address(1)), Level(0))),
            Some(second)
        );
        places.leave(second);
        places.leave(first);
        assert_eq!(places.taken(), 1);
    }
}
