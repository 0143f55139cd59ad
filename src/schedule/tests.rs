use super::*;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    schedule: String,
    time_zone: String,
    valid: bool,
    #[serde(default)]
    never: bool,
    from: Option<Timestamp>,
    #[serde(default)]
    next: Vec<Timestamp>,
}

/// `CRON_VECTORS` names another file of the same form.
#[test]
fn every_next_time_is_the_one_of_the_library_that_kubernetes_uses() {
    let path = std::env::var("CRON_VECTORS").unwrap_or("tests/fixtures/cron-vectors.json".into());
    let text = std::fs::read_to_string(&path).unwrap();
    let vectors: Vec<Vector> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for vector in &vectors {
        let parsed = Schedule::parse(&vector.schedule);
        if parsed.is_ok() != vector.valid {
            wrong.push(format!("`{}` valid: {}", vector.schedule, vector.valid));
        }
        let (Ok(schedule), Some(from)) = (parsed, vector.from) else {
            continue;
        };
        let zone = TimeZone::get(&vector.time_zone).unwrap();
        let mut time = from;
        let next: Vec<Timestamp> = std::iter::from_fn(|| {
            time = schedule.next_after(time, &zone)?;
            Some(time)
        })
        .take(vector.next.len().max(1))
        .collect();
        let wanted: &[Timestamp] = if vector.never { &[] } else { &vector.next };
        if next != wanted {
            wrong.push(format!(
                "`{}` in {} from {from}: {next:?}, wanted {wanted:?}",
                vector.schedule, vector.time_zone
            ));
        }
        if vector.never && schedule.fires() {
            wrong.push(format!("`{}` never fires", vector.schedule));
        }
    }
    assert!(vectors.len() > 100, "{path} holds the vectors");
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        vectors.len(),
        wrong.join("\n")
    );
}

#[test]
fn dates_that_never_come_are_told_from_those_that_come_rarely() {
    for (text, fires) in [
        ("0 0 30 2 *", false),
        ("0 0 31 4,6 *", false),
        ("0 0 29 2 *", true),
        ("0 0 31 4 1", true),
        ("0 0 30 2 0", true),
        (", 0 * * *", false),
        ("@yearly", true),
        ("@every 5m", true),
    ] {
        assert_eq!(Schedule::parse(text).unwrap().fires(), fires, "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_field() {
    for (text, wanted) in [
        ("61 * * * *", "minute `61`: values are 0 to 59"),
        ("0 0 L * *", "day of month `L`: `L` is no number"),
        ("0 HH * * *", "hour `HH`: H stands alone in its field: H, H(0-29), H/15"),
        ("0 22-2 * * *", "hour `22-2`: the range 22-2 runs backwards"),
        ("0 0 * * 7", "day of week `7`: values are 0 to 6"),
        (
            "* * * *",
            "five fields are needed (minute, hour, day of month, month, day of week), found 4",
        ),
        (
            "@every x",
            "`@every x` is none of @yearly, @monthly, @weekly, @daily, @hourly, @every 1h30m",
        ),
    ] {
        assert_eq!(Schedule::parse(text).unwrap_err().to_string(), wanted);
    }
}

/// These values are promises: another hash would move every schedule in every cluster at an upgrade.
#[test]
fn h_is_a_value_fixed_for_ever_by_namespace_and_name() {
    for (text, seed, wanted) in [
        ("H 7 * * *", "centre-acme/acme", "58 7 * * *"),
        ("H 7 * * *", "centre-bravo/bravo", "39 7 * * *"),
        ("H H H H H", "centre-acme/acme", "58 15 28 3 3"),
        ("H(0-29)/10 * * * THU", "centre-acme/acme", "8-29/10 * * * THU"),
        ("H/15 H(1-5) * * *", "centre-acme/acme", "13-59/15 2 * * *"),
        ("@daily", "centre-acme/acme", "@daily"),
    ] {
        assert_eq!(resolve(text, seed).unwrap(), wanted, "{text} for {seed}");
    }
    for (text, wanted) in [
        ("H(50-70) * * * *", "minute `H(50-70)`: the range must lie within 0-59"),
        ("H/0 * * * *", "minute `H/0`: a step of 0"),
        ("H(5) * * * *", "minute `H(5)`: write H, H(0-29), H/15 or H(0-29)/10"),
    ] {
        assert_eq!(resolve(text, "a/b").unwrap_err().to_string(), wanted);
    }
}

#[test]
fn a_time_that_clock_changes_touch_is_known() {
    let from: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for (text, zone, meets) in [
        ("30 2 * * *", "Europe/Paris", true),
        ("0 2 * * *", "Europe/Paris", true),
        ("0 3 * * *", "Europe/Paris", false),
        ("0 7 * * *", "Europe/Paris", false),
        ("30 2 * * *", "Indian/Reunion", false),
        ("*/10 * * * *", "Europe/Paris", false),
        ("@daily", "Europe/Paris", false),
    ] {
        let schedule = Schedule::parse(text).unwrap();
        assert_eq!(
            schedule.meets_clock_change(from, &TimeZone::get(zone).unwrap()),
            meets,
            "{text} {zone}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_or_the_search_panic(text in "[0-9A-Za-z*?,/@() -]{0,30}", second in 0i64..4_000_000_000) {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        if let Ok(schedule) = resolve(&text, "a/b").and_then(|text| Schedule::parse(&text)) {
            let from = Timestamp::from_second(second).unwrap();
            if let Some(next) = schedule.next_after(from, &zone) {
                proptest::prop_assert!(next > from);
                proptest::prop_assert!(schedule.fires());
            }
        }
    }

    #[test]
    fn whatever_h_becomes_is_a_schedule_that_fires(seed in ".{0,40}", step in 1u32..40) {
        for text in ["H H H H *".to_owned(), "H H * * H".into(), format!("H/{step} H(8-18)/{step} H/{step} H/{step} *")] {
            let schedule = Schedule::parse(&resolve(&text, &seed).unwrap()).unwrap();
            proptest::prop_assert!(schedule.fires());
        }
    }
}
