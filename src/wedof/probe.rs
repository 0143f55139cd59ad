//! Whether an account can read a resource, and how: each way of the catalogue is asked for one record until one leads to
//! some. What the server's own description of its API lacks is not asked for.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{
    catalogue::{CERTIF_INFO, Each, FOLDERS, List, Parents, Resource, Way, text_at},
    client::{Client, Error},
    decode, fetch,
    refusal::{Refusal, Refusals},
};
use crate::{
    failure::Failure,
    spec::{ResourceName, ResourceSpec},
    table::Record,
};

/// What asking for one record told.
#[derive(Debug)]
pub enum Probe {
    Readable {
        /// "list", "object", "from registrationFolders" …
        how: String,
        /// How many records there are, if the answer tells.
        total: Option<u64>,
    },
    /// No way leads to records; the failure that a sync would have.
    Unreadable(Failure),
    /// Asking failed: nothing is known.
    Failed(Failure),
}

/// Asks for resources one after the other and remembers what several of them need.
pub struct Prober<'a> {
    client: &'a Client,
    zone: &'a TimeZone,
    described: Option<Described>,
    folders: HashMap<ResourceName, Result<Option<Record>, Refusal>>,
    siret: Option<Option<String>>,
}

/// Asks for one record of a resource.
pub async fn probe(client: &Client, spec: &ResourceSpec, zone: &TimeZone) -> Probe {
    Prober::new(client, zone).await.probe(spec).await
}

/// Why a way was left.
enum Left {
    Refused(String, Refusal),
    Because(String),
    NoBudget,
    Failed(Failure),
}

impl From<Failure> for Left {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

type Found = (String, Option<u64>);

impl<'a> Prober<'a> {
    pub async fn new(client: &'a Client, zone: &'a TimeZone) -> Self {
        Self {
            client,
            zone,
            described: Described::ask(client).await,
            folders: HashMap::new(),
            siret: None,
        }
    }

    pub async fn probe(&mut self, spec: &ResourceSpec) -> Probe {
        let resource = Resource::of(spec.name);
        let query = match resource.query(spec, self.zone) {
            Ok(query) => query,
            Err(failure) => return Probe::Failed(failure),
        };
        let mut refusals = Refusals::default();
        for way in resource.ways {
            let tried = match way {
                Way::List(list) => self.list(spec.name, list, &query).await,
                Way::Object { path } => self.object(spec.name, path).await,
                Way::Folders(parts) => {
                    let kinds: Vec<_> = parts.iter().map(|part| part.of).collect();
                    let readable = self.readable_folders(&kinds).await;
                    readable.map(|kinds| {
                        let names: Vec<_> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
                        (format!("from {}", names.join(" and ")), None)
                    })
                }
                Way::Each(each) => self.each(spec, each, &query).await,
            };
            match tried {
                Ok((how, total)) => return Probe::Readable { how, total },
                Err(Left::Refused(whose, refusal)) => refusals.add(&whose, &refusal),
                Err(Left::Because(clause)) => refusals.add_clause(clause),
                Err(Left::NoBudget) => refusals.without_budget(),
                Err(Left::Failed(failure)) => return Probe::Failed(failure),
            }
        }
        Probe::Unreadable(refusals.failure(spec))
    }

    /// One record of a list, and how many there are.
    async fn first(
        &self,
        name: ResourceName,
        whose: &str,
        path: &str,
        query: &[(String, String)],
    ) -> Result<(Option<Record>, Option<u64>), Left> {
        self.is_described(whose, path)?;
        let mut query = query.to_vec();
        query.extend([("page", "1"), ("limit", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())));
        let answer = self.client.get(path, &query).await;
        let answer = answer.map_err(|error| self.left(name, whose, &error))?;
        let decoded = decode::list(&answer.body)
            .map_err(|error| fetch::unreadable(&format!("{name}, {path}"), &answer, &error))?;
        Ok((decoded.records.into_iter().next(), answer.total))
    }

    fn left(&self, name: ResourceName, whose: &str, error: &Error) -> Left {
        match Refusal::of(error) {
            Some(refusal) => Left::Refused(whose.to_owned(), refusal),
            None => Left::Failed(self.client.failure(error, name.as_str())),
        }
    }

    fn is_described(&self, whose: &str, path: &str) -> Result<(), Left> {
        match &self.described {
            Some(described) if !described.has(path) => Err(Left::Because(format!(
                "{whose} is not in Wedof's description of its API"
            ))),
            _ => Ok(()),
        }
    }

    async fn list(&mut self, name: ResourceName, list: &List, query: &[(String, String)]) -> Result<Found, Left> {
        let mut query = query.to_vec();
        query.extend(list.parameters());
        if list.own_siret {
            let siret = match self.siret.take() {
                Some(known) => known,
                None => fetch::own_siret(self.client).await?,
            };
            self.siret = Some(siret.clone());
            query.push((
                "siret".to_owned(),
                siret.ok_or_else(|| Left::Because(fetch::NO_SIRET.to_owned()))?,
            ));
        }
        let (_, total) = self.first(name, "its list", list.path, &query).await?;
        Ok(("list".to_owned(), total))
    }

    async fn object(&self, name: ResourceName, path: &str) -> Result<Found, Left> {
        self.is_described(path, path)?;
        let answer = self.client.get(path, &[]).await;
        let answer = answer.map_err(|error| self.left(name, path, &error))?;
        decode::object(&answer.body).map_err(|error| fetch::unreadable(path, &answer, &error))?;
        Ok((format!("object {path}"), None))
    }

    /// The kinds of folders of these that can be read, each with its first folder.
    async fn readable_folders(&mut self, kinds: &[ResourceName]) -> Result<Vec<(ResourceName, Option<Record>)>, Left> {
        let (mut readable, mut clauses) = (Vec::new(), Vec::new());
        for &kind in kinds {
            if !self.folders.contains_key(&kind) {
                let first = match self.first(kind, "its list", kind.as_str(), &[]).await {
                    Ok((first, _)) => Ok(first),
                    Err(Left::Refused(_, refusal)) => Err(refusal),
                    Err(left) => return Err(left),
                };
                self.folders.insert(kind, first);
            }
            match self.folders.get(&kind) {
                Some(Ok(first)) => readable.push((kind, first.clone())),
                Some(Err(refusal)) => clauses.push(format!("{kind}, from which it would come, {}", refusal.what)),
                None => {}
            }
        }
        match readable.is_empty() {
            true => Err(Left::Because(clauses.join("; "))),
            false => Ok(readable),
        }
    }

    /// One child of the first parent that there is.
    async fn each(
        &mut self,
        spec: &ResourceSpec,
        each: &'static [Each],
        query: &[(String, String)],
    ) -> Result<Found, Left> {
        let mut parents = Vec::new();
        let how = match each {
            [
                Each {
                    parents: Parents::Certifications { filter },
                    ..
                },
                ..,
            ] => {
                match spec.filters.get(*filter).and_then(|codes| codes.first()) {
                    Some(code) => parents.extend(each.first().map(|each| (each, code.clone()))),
                    None => {
                        for (_, folder) in self.readable_folders(&FOLDERS).await? {
                            let code = folder.as_ref().and_then(|folder| text_at(folder, CERTIF_INFO));
                            parents.extend(each.first().zip(code));
                        }
                    }
                }
                "one list for each certification"
            }
            _ if self.client.left().is_none() => return Err(Left::NoBudget),
            _ => {
                let kinds = each
                    .iter()
                    .filter_map(|each| each.parents.folders())
                    .collect::<Vec<_>>();
                for (kind, folder) in self.readable_folders(&kinds).await? {
                    let keys = Resource::of(kind).key_paths();
                    let key = folder.and_then(|folder| keys.iter().find_map(|path| text_at(&folder, path)));
                    let each = each.iter().find(|each| each.parents.folders() == Some(kind));
                    parents.extend(each.zip(key));
                }
                "one request for each folder"
            }
        };
        if let Some((each, key)) = parents.first() {
            let mut query = query.to_vec();
            query.extend(each.parameter.map(|name| (name.to_owned(), key.clone())));
            let path = each.path.replace("{}", key);
            self.first(spec.name, "the list of a folder", &path, &query).await?;
        }
        Ok((how.to_owned(), None))
    }
}

/// The paths of `/api/doc.json` that can be read, if the server has it.
#[derive(Debug)]
struct Described(Vec<String>);

impl Described {
    async fn ask(client: &Client) -> Option<Self> {
        let answer = client.get("doc.json", &[]).await.ok()?;
        Self::of(&serde_json::from_slice(&answer.body).ok()?)
    }

    /// A description without the folders, which every account has, is of something else. What stands before them stands
    /// before all paths.
    fn of(document: &Value) -> Option<Self> {
        let paths = document.get("paths")?.as_object()?;
        let base = paths
            .keys()
            .find_map(|path| path.strip_suffix("/registrationFolders"))?;
        let read = paths.iter().filter(|(_, methods)| methods.get("get").is_some());
        let below = read.filter_map(|(path, _)| path.strip_prefix(base));
        Some(Self(below.map(|path| path.trim_matches('/').to_owned()).collect()))
    }

    fn has(&self, path: &str) -> bool {
        self.0.iter().any(|described| {
            let (ours, theirs) = (path.split('/'), described.split('/'));
            ours.clone().count() == theirs.clone().count()
                && ours
                    .zip(theirs)
                    .all(|(ours, theirs)| ours == theirs || theirs.starts_with('{'))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_description_tells_which_paths_can_be_read() {
        let document = json!({"paths": {
            "/api/registrationFolders": {"get": {}},
            "/api/registrationFolders/{externalId}": {"get": {}},
            "/api/attendees": {"post": {}},
            "/api/users/me": {"get": {}},
            "/api/activities/{entityClass}/{entityId}": {"get": {}},
        }});
        let described = Described::of(&document).unwrap();
        for (path, has) in [
            ("registrationFolders", true),
            ("attendees", false),
            ("users/me", true),
            ("users", false),
            ("me", false),
            ("invoices", false),
            ("activities/RegistrationFolder/12", true),
            ("activities", false),
        ] {
            assert_eq!(described.has(path), has, "{path}");
        }
    }

    #[test]
    fn a_description_of_something_else_is_not_believed() {
        assert!(Described::of(&json!({"paths": {"/v2/pets": {"get": {}}}})).is_none());
        assert!(Described::of(&json!({"detail": "Not Found"})).is_none());
    }
}
