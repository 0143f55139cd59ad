//! What is served, as data: each path with what answers it. The OpenAPI document is written from the same list.

use serde_json::{Value, json};

use super::{
    Refusal,
    account::{Account, List, Record},
    not_found,
    query::{Listing, Violation, not_a_choice},
    records::children,
    rules::{self, Rules},
    settings::Settings,
};
use axum::http::StatusCode;

/// One path below `/api/`; `{…}` stands for any segment.
#[derive(Debug)]
pub struct Served {
    pub pattern: &'static str,
    answer: fn(&Ask<'_>) -> Result<Answer, Refusal>,
    /// Whose rules the query follows; empty for what is no list.
    pub rules: &'static str,
    /// Parameters beside those of the rules.
    pub parameters: &'static [&'static str],
}

/// A request whose key is good.
pub struct Ask<'a> {
    pub account: &'a Account,
    /// First segment of the path.
    pub resource: &'a str,
    /// What stands in the places of `{…}`.
    pub ids: Vec<&'a str>,
    pub parameters: &'a [(String, String)],
    pub settings: &'a Settings,
}

pub enum Answer {
    One(Value),
    /// A short list that is not cut into pages.
    All(Vec<Value>),
    Page {
        records: Vec<Value>,
        total: usize,
        page: usize,
        limit: usize,
    },
}

const fn list(pattern: &'static str) -> Served {
    Served {
        pattern,
        answer: a_list,
        rules: pattern,
        parameters: &[],
    }
}

const fn other(pattern: &'static str, answer: fn(&Ask<'_>) -> Result<Answer, Refusal>) -> Served {
    Served {
        pattern,
        answer,
        rules: "",
        parameters: &[],
    }
}

/// Fixed segments stand before `{…}` in the same place.
pub const SERVED: &[Served] = &[
    list("registrationFolders"),
    other("registrationFolders/utils/sessionMinDates", session_min_dates),
    other("registrationFolders/{externalId}", one),
    other("registrationFolders/{externalId}/files", files),
    Served {
        parameters: &["type"],
        ..other("registrationFoldersReasons", reasons)
    },
    list("certificationFolders"),
    other("certificationFolders/{externalId}", one),
    other("certificationFolders/{externalId}/files", files),
    list("attendees"),
    other("attendees/{email}", one),
    list("trainings"),
    other("trainings/{externalId}", one),
    list("trainingActions"),
    other("trainingActions/{externalId}", one),
    list("sessions"),
    other("sessions/{externalId}", one),
    Served {
        parameters: &["siret"],
        ..other("users", users)
    },
    other("users/me", me),
    other("organisms", directory),
    other("organisms/me", own_organism),
    other("organisms/{siret}", one),
    Served {
        parameters: &["registrationFolderId"],
        rules: "payments",
        ..other("payments", payments)
    },
    other("activities/{entityClass}/{entityId}", activities),
    list("surveys"),
    other("surveys/{certificationFolderExternalId}", survey),
    list("workingContracts"),
    other("workingContracts/{id}", one),
    other("certifications/certifInfos/{code}", certif_infos),
    Served {
        rules: "partners",
        ..other("certifications/{certifInfo}/partners", partners)
    },
    other("certifications/{certifInfo}/partners/{siret}", partner),
    Served {
        parameters: &["certifInfo"],
        ..other("certificationPartnerAuditTemplates", audit_templates)
    },
];

/// The served path that a request's path is, with its ids.
pub fn find(path: &str) -> Option<(&'static Served, Vec<&str>)> {
    SERVED
        .iter()
        .find_map(|served| Some((served, matched(served.pattern, path)?)))
}

fn matched<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut ids = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(ids),
            (Some(place), Some(id)) if place.starts_with('{') && !id.is_empty() => ids.push(id),
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

impl Served {
    pub fn answer(&self, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        (self.answer)(ask)
    }
}

impl Ask<'_> {
    fn one(&self, name: &str) -> Option<&str> {
        let found = self
            .parameters
            .iter()
            .find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    fn id(&self, at: usize) -> &str {
        self.ids.get(at).copied().unwrap_or_default()
    }

    fn listing(&self, rules: &Rules) -> Result<Listing, Refusal> {
        let join = |resource: &str, filter: &_, path: &str| self.account.joined(resource, filter, path);
        Listing::parse(rules, self.parameters, self.settings, &join).map_err(invalid)
    }

    /// The page asked for of a whole list.
    pub fn page_of(&self, resource: &str, list: &List) -> Result<Answer, Refusal> {
        let listing = self.listing(rules::of(resource))?;
        let text: Vec<String> = self
            .parameters
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "page" | "limit"))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let text = format!("{} {:?}", text.join("&"), self.settings.today);
        let order = self.account.order(resource, &text, list, &listing);
        let places = &order[listing.window(order.len(), self.settings)];
        let record = |at: &usize| list[*at].fields(&self.account.organism).into_owned();
        Ok(Answer::Page {
            records: places.iter().map(record).collect(),
            total: order.len(),
            page: listing.page,
            limit: listing.limit,
        })
    }

    /// The page asked for of records that were just made.
    fn page_of_made(&self, resource: &str, records: Vec<Value>) -> Result<Answer, Refusal> {
        let listing = self.listing(rules::of(resource))?;
        let order = listing.order(records.len(), |at| std::borrow::Cow::Borrowed(&records[at]));
        let places = &order[listing.window(order.len(), self.settings)];
        Ok(Answer::Page {
            records: places.iter().map(|at| records[*at].clone()).collect(),
            total: order.len(),
            page: listing.page,
            limit: listing.limit,
        })
    }

    fn fields(&self, record: &Record) -> Value {
        record.fields(&self.account.organism).into_owned()
    }
}

fn invalid(violations: Vec<Violation>) -> Refusal {
    Refusal {
        violations,
        ..Refusal::new(StatusCode::BAD_REQUEST, "Validation Failed")
    }
}

fn blank(parameter: &str) -> Refusal {
    invalid(vec![(
        parameter.to_owned(),
        "This value should not be blank.".to_owned(),
    )])
}

fn forbidden() -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "Access Denied.")
}

fn a_list(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let list = ask.account.list(ask.resource).ok_or_else(not_found)?;
    ask.page_of(ask.resource, &list)
}

fn one(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let record = ask.account.find(ask.resource, ask.id(0)).ok_or_else(not_found)?;
    Ok(Answer::One(ask.fields(&record)))
}

fn files(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let record = ask.account.find(ask.resource, ask.id(0)).ok_or_else(not_found)?;
    match ask.fields(&record)["files"].take() {
        Value::Array(files) => Ok(Answer::All(files)),
        _ => Err(not_found()),
    }
}

/// An organism's users, for those who name it.
fn users(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let list = ask.account.list("users").ok_or_else(not_found)?;
    match ask.one("siret") {
        Some(siret) if siret == ask.account.organism.siret => ask.page_of("users", &list),
        Some(siret) if siret.len() != 14 => Err(invalid(vec![(
            "siret".into(),
            "This value is not a valid SIRET.".into(),
        )])),
        _ => Err(forbidden()),
    }
}

fn me(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let users = ask.account.list("users").unwrap_or_default();
    let me = users.first().ok_or_else(not_found)?;
    Ok(Answer::One(ask.fields(me)))
}

fn own_organism(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let own = ask.account.find("organisms", "me").ok_or_else(not_found)?;
    Ok(Answer::One(ask.fields(&own)))
}

/// The directory of all organisms is not for one of them.
fn directory(_: &Ask<'_>) -> Result<Answer, Refusal> {
    Err(forbidden())
}

fn payments(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let folder = ask
        .one("registrationFolderId")
        .ok_or_else(|| blank("registrationFolderId"))?;
    ask.account.find("registrationFolders", folder).ok_or_else(not_found)?;
    ask.page_of_made("payments", ask.account.payments(folder))
}

fn activities(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let activities = ask.account.activities(ask.id(0), ask.id(1)).ok_or_else(not_found)?;
    ask.page_of_made("activities", activities)
}

fn survey(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let folder = ask
        .account
        .find("certificationFolders", ask.id(0))
        .ok_or_else(not_found)?;
    let survey = children::survey(&ask.fields(&folder)).ok_or_else(not_found)?;
    Ok(Answer::One(survey))
}

fn all_partners(ask: &Ask<'_>) -> Result<Vec<Value>, Refusal> {
    let account = ask.account;
    children::partners(account.seed, ask.id(0), &account.organism).ok_or_else(not_found)
}

fn partners(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    ask.page_of_made("partners", all_partners(ask)?)
}

fn partner(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let found = all_partners(ask)?
        .into_iter()
        .find(|partner| partner["siret"] == ask.id(1));
    found.map(Answer::One).ok_or_else(not_found)
}

fn certif_infos(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::All(children::certif_infos(ask.id(0))))
}

fn audit_templates(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    ask.one("certifInfo").ok_or_else(|| blank("certifInfo"))?;
    Ok(Answer::All(vec![
        json!({"id": 1, "name": "Audit documentaire"}),
        json!({"id": 2, "name": "Audit sur site"}),
    ]))
}

fn reasons(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let reason = |code: &str, label: &str| json!({"code": code, "label": label});
    Ok(Answer::All(match ask.one("type") {
        Some("canceled") => vec![
            reason("6", "Retour à l'emploi"),
            reason("7", "Raison de santé"),
            reason("13", "Session annulée"),
        ],
        Some("terminated") => vec![
            reason("8", "Formation suivie en totalité"),
            reason("9", "Abandon en cours"),
        ],
        Some(_) => return Err(invalid(vec![("type".into(), not_a_choice())])),
        None => return Err(blank("type")),
    }))
}

fn session_min_dates(ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let today = super::period::now(ask.settings);
    let day = |days: i64| {
        let at = today + jiff::SignedDuration::from_hours(24 * days);
        at.strftime("%Y-%m-%dT00:00:00.000Z").to_string()
    };
    Ok(Answer::One(
        json!({"cpfSessionMinDate": day(11), "poleEmploiSessionMinDate": day(18)}),
    ))
}

/// An OpenAPI document of what is served: the fixed paths, and the lists that a data set or a test put in.
pub fn openapi(account: Option<&Account>) -> Value {
    let mut paths = json!({});
    let describe = |name: &str, rules: &str, more: &[&str], list: bool| {
        let in_path = name
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|id| json!({"name": id, "in": "path", "required": true, "schema": {"type": "string"}}));
        let known = if list {
            rules::of(rules).parameters()
        } else {
            Vec::new()
        };
        let in_query = more.iter().copied().chain(known);
        let in_query = in_query.map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}));
        let parameters: Vec<Value> = in_path.chain(in_query).collect();
        let operation = format!("get_{}", name.replace(['/', '{', '}'], "_"));
        json!({"get": {
            "operationId": operation.trim_end_matches('_').replace("__", "_"),
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
        }})
    };
    for served in SERVED {
        paths[format!("/api/{}", served.pattern)] = describe(
            served.pattern,
            served.rules,
            served.parameters,
            !served.rules.is_empty(),
        );
    }
    for resource in account.map(Account::given).unwrap_or_default() {
        let path = format!("/api/{resource}");
        if paths.get(&path).is_none() {
            paths[path] = describe(&resource, &resource, &[], true);
            let one = format!("{resource}/{{id}}");
            paths[format!("/api/{one}")] = describe(&one, "", &[], false);
        }
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Wedof (simulated)", "version": "1"},
        "security": [{"apiKey": []}],
        "components": {"securitySchemes": {"apiKey": {"type": "apiKey", "name": "X-Api-Key", "in": "header"}}},
        "paths": paths,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_segments_are_told_from_ids() {
        for (path, pattern) in [
            ("users/me", "users/me"),
            (
                "registrationFolders/utils/sessionMinDates",
                "registrationFolders/utils/sessionMinDates",
            ),
            ("registrationFolders/12/files", "registrationFolders/{externalId}/files"),
            ("certifications/certifInfos/RS1", "certifications/certifInfos/{code}"),
            ("certifications/112713/partners", "certifications/{certifInfo}/partners"),
        ] {
            assert_eq!(find(path).unwrap().0.pattern, pattern, "{path}");
        }
        for path in ["", "activities", "invoices", "registrationFolders/", "users/me/x"] {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
