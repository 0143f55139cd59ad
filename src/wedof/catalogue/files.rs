//! Files of folders: each folder brings its own.

use super::{Evidence, Field, Group, Identity, Part, Resource, Way, id, instant, plain};
use crate::spec::ResourceName;

const FIRST: &[&str] = &["fileName", "typeId", "fileType", "state", "createdOn", "updatedOn"];

const FILE: &[Field] = &[
    plain("id", "N°", "No."),
    plain("fileName", "Fichier", "File").personal(),
    plain("typeId", "Type de document", "Document type"),
    plain("fileType", "Format", "Format"),
    plain("state", "Statut", "State"),
    plain("generationState", "Génération", "Generation"),
    plain("comment", "Commentaire", "Comment").personal(),
    plain("link", "Lien", "Link").personal(),
    plain("permalink", "Lien permanent", "Permalink").personal(),
    instant("createdOn", "Créé le", "Created on"),
    instant("updatedOn", "Modifié dans Wedof le", "Updated in Wedof on"),
];

macro_rules! files_of {
    ($name:ident, $folders:ident, $parent:literal) => {
        Resource {
            name: ResourceName::$name,
            ways: &[Way::Folders(&[Part {
                of: ResourceName::$folders,
                field: "files",
                renamed: &[],
                dropped: &[],
                parent: Some($parent),
            }])],
            identity: Identity::Child(&["id"]),
            filters: &[],
            first: FIRST,
            suivi: &["key", $parent, "fileName", "typeId", "state", "updatedOn"],
            groups: &[
                Group {
                    prefix: "",
                    fields: &[id("key", "Clé", "Key"), id($parent, "N° de dossier", "Folder no.")],
                },
                Group {
                    prefix: "",
                    fields: FILE,
                },
            ],
            whole: &["metadata"],
            person: false,
            evidence: Evidence::Vendor,
            instead: None,
        }
    };
}

pub static OF_REGISTRATION_FOLDERS: Resource =
    files_of!(RegistrationFolderFiles, RegistrationFolders, "registrationFolderId");

pub static OF_CERTIFICATION_FOLDERS: Resource =
    files_of!(CertificationFolderFiles, CertificationFolders, "certificationFolderId");
