//! Additions of users to a video that was uploaded before, read back by decoders and `ladderd check`.

mod download;
mod encode;
mod poster;
mod text_tracks;

use reqwest::Method;
use serde_json::Value;

use super::support::appliance::Appliance;

/// Sends a request with this body to the API. Returns status and answer.
async fn send(appliance: &Appliance, method: &str, path: &str, body: Vec<u8>) -> (u16, Value) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = appliance.http.request(method, format!("{}{path}", appliance.api)).body(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

/// POSTs this JSON to the API. Returns status and answer.
async fn post_json(appliance: &Appliance, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}{path}", appliance.api);
    let response = appliance.http.post(url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

/// The `main.m3u8` of a public video.
async fn main_of(appliance: &Appliance, id: &str) -> String {
    String::from_utf8(appliance.public(&format!("{id}/main.m3u8")).await.2).unwrap()
}
