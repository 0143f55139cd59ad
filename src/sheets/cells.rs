//! One cell: what it should hold against what it holds.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::{requests::Entered, serial, tab::Seen};
use crate::table::Cell;

/// Whether a cell already shows what it should. Times compare as whole milliseconds, other numbers by 1e-14 of their
/// size (two ways of computing a serial give two doubles), text exactly.
pub fn same(wished: &Cell<'_>, seen: &Seen<'_>, zone: &TimeZone) -> bool {
    match (wished, seen) {
        (Cell::Blank, seen) => seen.is_blank(),
        (Cell::Bool(wished), Seen::Bool(seen)) => wished == seen,
        (Cell::Number(wished), Seen::Number(seen)) => same_number(*wished, *seen),
        (Cell::Text(wished), Seen::Text(seen)) => wished == seen,
        (Cell::Day(days), Seen::Number(seen)) => serial::to_ms(serial::of_day(*days)) == serial::to_ms(*seen),
        (Cell::Instant(ms), Seen::Number(seen)) => serial::to_ms(serial::of_instant(*ms, zone)) == serial::to_ms(*seen),
        _ => false,
    }
}

pub fn same_number(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-14 * a.abs().max(b.abs())
}

pub fn entered<'a>(cell: Cell<'a>, zone: &TimeZone) -> Entered<'a> {
    match cell {
        Cell::Blank => Entered::Blank,
        Cell::Bool(value) => Entered::Bool(value),
        Cell::Number(value) => Entered::Number(value),
        Cell::Text(value) => Entered::Text(value),
        Cell::Day(days) => Entered::Number(serial::of_day(days)),
        Cell::Instant(ms) => Entered::Number(serial::of_instant(ms, zone)),
    }
}

/// What a person's cell held, to put it back.
pub fn restored<'a>(seen: &'a Seen<'_>) -> Entered<'a> {
    match seen {
        Seen::Blank => Entered::Blank,
        Seen::Bool(value) => Entered::Bool(*value),
        Seen::Number(value) => Entered::Number(*value),
        Seen::Text(text) if seen.is_formula() => Entered::Formula(Cow::Borrowed(text)),
        Seen::Text(text) => Entered::Text(Cow::Borrowed(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_moment_computed_in_two_ways_is_no_difference() {
        let zone = serial::zone("Europe/Paris").unwrap();
        let serial = serial::of_instant(1_719_394_960_642, &zone);
        assert!(same(
            &Cell::Instant(1_719_394_960_642),
            &Seen::Number(f64::from_bits(serial.to_bits() + 1)),
            &zone
        ));
        assert!(!same(&Cell::Instant(1_719_394_960_643), &Seen::Number(serial), &zone));
    }

    #[test]
    fn a_number_that_became_a_text_is_a_difference_and_minus_zero_is_not() {
        let zone = TimeZone::UTC;
        assert!(!same(&Cell::Text("12".into()), &Seen::Number(12.0), &zone));
        assert!(!same(&Cell::Number(12.0), &Seen::Text("12".into()), &zone));
        assert!(same(&Cell::Number(0.0), &Seen::Number(-0.0), &zone));
        assert!(same(&Cell::Blank, &Seen::Blank, &zone));
    }
}
