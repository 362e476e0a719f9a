//! The token by which the tests of an appliance call it.

use super::Appliance;

impl Appliance {
    /// Shows a new token with all rights in the requests to the API that are made by methods of this.
    pub fn authorize(&mut self) {
        let mut command = crate::support::program();
        command.args(["token", "create", "--name", "test", "--scope", "admin", "--data-dir"]);
        command.arg(self.data_dir()).envs(self.builder.environment.clone());
        if self.builder.config.is_some() {
            command.arg("--config").arg(self.data_dir().join("ladderd.toml"));
        }
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.token = Some(String::from_utf8(made.stdout).unwrap().trim().to_owned());
    }

    /// Shows this token in the requests to the API that are made by methods of this.
    pub fn authorize_by(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// The text of the token that [`Appliance::authorize`] has made.
    pub fn own_token(&self) -> &str {
        self.token.as_deref().unwrap()
    }
}
