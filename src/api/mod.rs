//! The custom resource.
pub fn crd_yaml() -> String {
    String::new()
}
