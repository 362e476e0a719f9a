//! Private videos and their tokens.

use serde_json::{Value, json};

use super::appliance::Appliance;

impl Appliance {
    /// Uploads a file as a private video. Returns its id.
    pub async fn upload_private(&self, filename: &str, bytes: Vec<u8>) -> String {
        let body =
            json!({"filename": filename, "size_bytes": bytes.len(), "visibility": "private"});
        let response = self.http.post(format!("{}/v1/uploads", self.api)).json(&body).send().await;
        let answer: Value = response.unwrap().json().await.unwrap();
        assert_eq!(self.put(&answer["upload"], bytes).await.status(), 200, "{answer:#}");
        answer["video_id"].as_str().unwrap().to_owned()
    }

    /// Asks for a playback token. Returns status and answer.
    pub async fn ask_token(&self, id: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/videos/{id}/playback-tokens", self.api);
        let response = self.http.post(url).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Changes the visibility of a video. Returns status and answer.
    pub async fn change(&self, id: &str, visibility: &str) -> (u16, Value) {
        let url = format!("{}/v1/videos/{id}", self.api);
        let change = self.http.patch(url).json(&json!({"visibility": visibility}));
        let response = change.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A playback token for a private video.
    pub async fn token(&self, id: &str) -> String {
        let (status, answer) = self.ask_token(id, &json!({})).await;
        assert_eq!(status, 201, "{answer:#}");
        answer["token"].as_str().unwrap().to_owned()
    }
}
