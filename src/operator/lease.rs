//! Who leads, as far as it can be told without asking. Pure: moments come in, decisions go out.
//!
//! Nobody's clock is compared with another's. A leader counts from the moment before it asked for its last renewal and
//! gives up after two thirds of the lease's duration; a standby counts the whole duration from the moment at which it saw
//! the lease change last. So the leader has stopped before the standby begins, however wrong either clock is.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use k8s_openapi::api::coordination::v1::LeaseSpec;

/// Now, by two clocks: one stands still while a virtual machine is paused, the other may be set back. Time has passed when
/// either says so.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    pub fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    fn since(self, earlier: Self) -> Duration {
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.steady.saturating_duration_since(earlier.steady).max(wall)
    }
}

/// One time of leading, from a claim to its end. While it holds, its owner may write. It never begins again: work that was
/// left over from an earlier term can write nothing in a later one.
#[derive(Debug, Clone)]
pub struct Term(Arc<Mutex<Held>>);

#[derive(Debug, Clone, Copy)]
enum Held {
    /// Without election.
    ForEver,
    /// Since the last renewal, for so long.
    Since(Moment, Duration),
    Over,
}

impl Term {
    /// Begins with a claim that was sent at this moment, or later.
    pub fn begin(claimed: Moment, lease_duration: Duration) -> Self {
        Self::of(Held::Since(claimed, lease_duration * 2 / 3))
    }

    /// The term of a process that stands in no election.
    pub fn for_ever() -> Self {
        Self::of(Held::ForEver)
    }

    fn of(held: Held) -> Self {
        Self(Arc::new(Mutex::new(held)))
    }

    /// Whether its owner may write at this moment.
    pub fn holds(&self, now: Moment) -> bool {
        self.left(now).is_some_and(|left| !left.is_zero())
    }

    /// How long it holds if it is not renewed.
    pub fn left(&self, now: Moment) -> Option<Duration> {
        let mut held = self.held();
        match *held {
            Held::ForEver => Some(Duration::MAX),
            Held::Over => None,
            Held::Since(renewed, limit) => {
                let left = limit.checked_sub(now.since(renewed)).filter(|left| !left.is_zero());
                if left.is_none() {
                    *held = Held::Over;
                }
                left
            }
        }
    }

    /// A renewal that was sent at `sent` has been confirmed. False: too late, the term was over meanwhile.
    pub fn renew(&self, sent: Moment, now: Moment) -> bool {
        let holds = self.holds(now);
        if let Held::Since(renewed, _) = &mut *self.held() {
            *renewed = sent;
        }
        holds
    }

    pub fn end(&self) {
        *self.held() = Held::Over;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a standby has seen of the lease.
#[derive(Debug, Default)]
pub struct Watch {
    /// Version of the lease, and since when it is that.
    seen: Option<(String, Instant)>,
}

impl Watch {
    /// Takes in a look at the lease. True: it may be claimed.
    pub fn may_claim(&mut self, version: &str, lease: &LeaseSpec, identity: &str, now: Instant) -> bool {
        let since = match &self.seen {
            Some((seen, since)) if seen == version => *since,
            _ => {
                self.seen = Some((version.to_owned(), now));
                now
            }
        };
        let duration = lease.lease_duration_seconds.unwrap_or_default();
        let duration = Duration::from_secs(duration.try_into().unwrap_or_default());
        match holder(lease) {
            // given back, or never held
            None => true,
            // this process's own name: the container has been restarted
            Some(holder) if holder == identity => true,
            Some(_) => now.saturating_duration_since(since) >= duration,
        }
    }
}

pub fn holder(lease: &LeaseSpec) -> Option<&str> {
    lease.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn after(start: Moment, steady: u64, wall: i64) -> Moment {
        let wall = match u64::try_from(wall) {
            Ok(later) => start.wall + Duration::from_secs(later),
            Err(_) => start.wall - Duration::from_secs(wall.unsigned_abs()),
        };
        Moment {
            steady: start.steady + Duration::from_secs(steady),
            wall,
        }
    }

    #[test]
    fn a_term_ends_before_its_lease_does() {
        let start = Moment::now();
        let term = Term::begin(start, LEASE);
        assert!(term.holds(after(start, 19, 19)));
        assert!(!term.holds(after(start, 20, 20)));
    }

    #[test]
    fn a_renewal_counts_from_the_moment_at_which_it_was_sent() {
        let start = Moment::now();
        let term = Term::begin(start, LEASE);
        assert!(term.renew(after(start, 10, 10), after(start, 18, 18)));
        assert!(term.holds(after(start, 29, 29)));
        assert!(!term.holds(after(start, 30, 30)));
    }

    #[test]
    fn a_renewal_that_is_confirmed_too_late_revives_nothing() {
        let start = Moment::now();
        let term = Term::begin(start, LEASE);
        assert!(!term.renew(after(start, 10, 10), after(start, 21, 21)));
        assert!(!term.holds(after(start, 21, 21)));
    }

    #[test]
    fn a_term_that_is_over_stays_over_whatever_the_clocks_say_later() {
        let start = Moment::now();
        let term = Term::begin(start, LEASE);
        assert!(!term.holds(after(start, 60, 60)));
        assert!(!term.holds(start));
        let ended = Term::begin(start, LEASE);
        let shared = ended.clone();
        ended.end();
        assert!(!shared.renew(start, start));
        assert!(!shared.holds(start));
    }

    #[test]
    fn time_has_passed_when_either_clock_says_so() {
        let start = Moment::now();
        // a paused virtual machine: only the wall clock has gone on
        assert!(!Term::begin(start, LEASE).holds(after(start, 1, 3600)));
        // a wall clock that was set back
        assert!(!Term::begin(start, LEASE).holds(after(start, 25, -3600)));
        assert!(Term::begin(start, LEASE).holds(after(start, 5, -3600)));
    }

    #[test]
    fn without_election_a_term_holds_for_ever() {
        let start = Moment::now();
        assert!(Term::for_ever().holds(after(start, 1 << 40, 1 << 20)));
    }

    fn lease(holder: Option<&str>) -> LeaseSpec {
        LeaseSpec {
            holder_identity: holder.map(Into::into),
            lease_duration_seconds: Some(30),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_lease_that_changes_is_left_to_its_holder() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let theirs = lease(Some("other"));
        assert!(!watch.may_claim("1", &theirs, "me", at(0)));
        assert!(!watch.may_claim("1", &theirs, "me", at(29)));
        assert!(!watch.may_claim("2", &theirs, "me", at(31)), "renewed meanwhile");
        assert!(!watch.may_claim("2", &theirs, "me", at(60)));
        assert!(watch.may_claim("2", &theirs, "me", at(61)));
    }

    #[test]
    fn a_lease_that_was_given_back_or_is_ones_own_may_be_claimed_at_once() {
        let now = Instant::now();
        assert!(Watch::default().may_claim("1", &lease(None), "me", now));
        assert!(Watch::default().may_claim("1", &lease(Some("")), "me", now));
        assert!(Watch::default().may_claim("1", &lease(Some("me")), "me", now));
    }
}
