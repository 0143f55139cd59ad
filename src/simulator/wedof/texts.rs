//! Words that the records are made of. Names of people and organisms are invented or too common to mean anybody.

pub const FIRST_NAMES: [(&str, &str); 24] = [
    ("Aélys", "female"),
    ("Anaïs", "female"),
    ("Barnabé", "male"),
    ("Célestine", "female"),
    ("Chloé", "female"),
    ("Cyprien", "male"),
    ("Éloïse", "female"),
    ("Étienne", "male"),
    ("Fantine", "female"),
    ("Gaël", "male"),
    ("Hélène", "female"),
    ("Isaure", "female"),
    ("Jean-Noël", "male"),
    ("Joséphine", "female"),
    ("Loïc", "male"),
    ("Maëlle", "female"),
    ("Marie-Ève", "female"),
    ("Naïm", "male"),
    ("Océane", "female"),
    ("Raphaël", "male"),
    ("Solène", "female"),
    ("Théo", "male"),
    ("Ulysse", "male"),
    ("Zoé", "female"),
];

pub const LAST_NAMES: [&str; 24] = [
    "Abeilhou",
    "Aubrac",
    "Bélanton",
    "Bruyérac",
    "Castelnou",
    "Chênevert",
    "D'Ombreval",
    "De La Fontanelle",
    "Dufrêne",
    "Esquirac",
    "Fauconval",
    "Garrigoux",
    "Hautecœur",
    "Jolivet-Prunier",
    "Kerlouarn",
    "L'Herminette",
    "Mauvézin",
    "Noyeraie",
    "Null",
    "Orvaux",
    "Pâquerot",
    "Quintefeuille",
    "Saint-Ormes",
    "Vallombreuse",
];

pub const ORGANISMS: [&str; 6] = [
    "Atelier des Savoirs",
    "Compétences & Cie",
    "École du Geste",
    "Formalude",
    "L'Envol Formation",
    "Pôle Langues",
];

/// Postcode and name; some postcodes begin with 0.
pub const CITIES: [(&str, &str); 12] = [
    ("01000", "Bourg-en-Bresse"),
    ("06000", "Nice"),
    ("13001", "Marseille"),
    ("29200", "Brest"),
    ("31000", "Toulouse"),
    ("33000", "Bordeaux"),
    ("44000", "Nantes"),
    ("63000", "Clermont-Ferrand"),
    ("67000", "Strasbourg"),
    ("69001", "Lyon"),
    ("97200", "Fort-de-France"),
    ("97300", "Cayenne"),
];

pub const ROADS: [(&str, &str); 5] = [
    ("ALL", "Allée"),
    ("AV", "Avenue"),
    ("BD", "Boulevard"),
    ("IMP", "Impasse"),
    ("RUE", "Rue"),
];

pub const ROAD_NAMES: [&str; 6] = [
    "de l'Églantine",
    "des Forgerons",
    "du 8 Mai",
    "du Vieux Puits",
    "Sainte-Cécile",
    "aux Ours",
];

pub const DEGREES: [(i64, &str); 5] = [(3, "CAP, BEP"), (4, "BAC"), (5, "BAC+2"), (6, "BAC+3/4"), (7, "BAC+5")];

pub const TAGS: [&str; 5] = ["promo", "à rappeler", "VIP", "groupe 2", "handicap : référent"];

pub const FILES: [&str; 4] = [
    "convention.pdf",
    "émargement signé.pdf",
    "Attestation (v2).pdf",
    "devis n°12.xlsx",
];

/// What the organism teaches.
#[derive(Debug)]
pub struct Training {
    pub title: &'static str,
    /// RS or RNCP code.
    pub code: &'static str,
    pub certif_info: &'static str,
    pub hours: f64,
    /// From the first day of a session to its last.
    pub weeks: i64,
    /// Without tax, in euros.
    pub price: i64,
}

const fn training(
    title: &'static str,
    (code, certif_info): (&'static str, &'static str),
    (hours, weeks): (f64, i64),
    price: i64,
) -> Training {
    Training {
        title,
        code,
        certif_info,
        hours,
        weeks,
        price,
    }
}

pub const TRAININGS: [Training; 8] = [
    training("Anglais B2", ("RS5695", "112713"), (14.0, 5), 1075),
    training("Bureautique : tableur avancé", ("RS6289", "110391"), (21.0, 4), 890),
    training("Création d'entreprise", ("RS5362", "109145"), (35.5, 6), 1490),
    training("Français langue étrangère", ("RS5455", "105821"), (60.0, 10), 1960),
    training(
        "Titre professionnel formateur",
        ("RNCP37275", "114003"),
        (1350.0, 40),
        6250,
    ),
    training("Photographie & retouche", ("RS6959", "118220"), (28.0, 5), 1345),
    training("Management d'équipe", ("RS6482", "116507"), (21.0, 3), 1630),
    training("Espagnol professionnel", ("RS6435", "116044"), (20.0, 6), 1180),
];

/// How a training is given: suffix of its external id, code of the modality, whether people come to a place.
pub const ACTIONS: [(&str, &str, bool); 3] = [
    ("distance", "2", false),
    ("presentiel", "0", true),
    ("mixte", "1", true),
];

/// Kind and title of what is noted about a folder.
pub const ACTIVITIES: [(&str, &str); 8] = [
    ("phone", "Appel de positionnement"),
    ("email", "Envoi du programme et du devis"),
    ("meeting", "Entretien d'entrée en formation"),
    ("training", "Classe virtuelle n°1"),
    ("sms", "Rappel de la session"),
    ("remark", "Demande d'aménagement du rythme"),
    ("chat", "Question sur l'accès à la plateforme"),
    ("file", "Émargement reçu"),
];

pub const EMPLOYERS: [&str; 5] = [
    "Ateliers du Vallon",
    "Boulangerie des Trois Ponts",
    "Cabinet Orvaux & Fils",
    "Garage de l'Étang",
    "Imprimerie Clairval",
];

/// What people write into notes: the first records carry each of them.
pub const NOTES: [&str; 12] = [
    "",
    "=1+1",
    "Rappeler après 18 h, préfère le SMS",
    "+33 1 23 45 67 89",
    "@Céline: voir le devis",
    "-10 % accordés",
    "Très motivée 🎓👩‍🏫",
    "2024-01-01",
    "Ligne 1\nLigne 2 ; avec \"guillemets\" et \ttabulation",
    "TRUE",
    "00123",
    "https://exemple.example.org/dossier?id=1&x=2#a",
];

pub const GOAL: &str = "À l'issue de la formation, le stagiaire sait conduire un échange professionnel, rédiger un compte \
                        rendu et défendre son point de vue.";

pub const CONTENT: &str = "Module 1 : positionnement et objectifs.\nModule 2 : vocabulaire du métier, mises en situation, \
    jeux de rôle filmés, correction collective et individuelle.\nModule 3 : écrits professionnels (courriels, comptes \
    rendus, notes de synthèse) avec relecture croisée.\nModule 4 : préparation à l'épreuve, deux examens blancs, bilan \
    personnalisé.\n\nModalités : classes virtuelles, plateforme accessible 24 h/24, accompagnement par un formateur \
    référent ; évaluation continue et finale. Public : tout salarié, demandeur d'emploi ou indépendant. Prérequis : \
    aucun. Accessibilité : locaux adaptés, référent handicap à l'écoute. Délai d'accès : 11 jours ouvrés. Méthodes \
    actives centrées sur la pratique : chaque notion est vue, essayée, puis réutilisée dans un cas du stagiaire.";
