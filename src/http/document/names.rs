//! Operation ids, such as `listVideos`. They follow from method and path by one rule, so that they stay the same
//! when code moves.

/// Methods that a path item may have.
pub(super) const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// The id of the operation with this method (lower case) at this path.
pub(super) fn operation_id(method: &str, path: &str) -> String {
    let segments: Vec<&str> =
        path.split('/').filter(|part| !part.is_empty() && *part != "v1").collect();
    let is_param = |part: &str| part.starts_with('{');
    let is_versioned = path.starts_with("/v1/");
    let words: Vec<(&str, bool)> = segments
        .iter()
        .enumerate()
        // Paths of players have no collections: folders and files tell them apart.
        .filter(|(at, part)| !is_param(part) || (!is_versioned && *at > 1))
        // A collection with an id behind it is one of its members.
        .map(|(at, part)| (*part, segments.get(at + 1).is_some_and(|next| is_param(next))))
        .collect();
    let Some((&(last, has_id), parents)) = words.split_last() else { return method.to_owned() };
    let parents: String = parents.iter().map(|(word, has_id)| noun(word, *has_id)).collect();
    let is_many = is_plural(last) && !has_id && is_versioned;
    match method {
        // `POST /v1/videos/{id}/retry` does something to a member.
        "post" if !is_plural(last) && !parents.is_empty() => verb(last) + &parents,
        "post" => format!("create{parents}{}", noun(last, true)),
        "get" if is_many => format!("list{parents}{}", noun(last, false)),
        "put" => format!("set{parents}{}", noun(last, true)),
        "patch" => format!("update{parents}{}", noun(last, true)),
        method => format!("{method}{parents}{}", noun(last, has_id)),
    }
}

fn is_plural(word: &str) -> bool {
    word.ends_with('s')
}

/// A part of a path as a noun: `upload-grants` becomes `UploadGrants`, or `UploadGrant` for one of them.
fn noun(part: &str, is_one: bool) -> String {
    let part = match (is_one, part.strip_suffix("ies"), part.strip_suffix('s')) {
        (true, Some(stem), _) => format!("{stem}y"),
        (true, None, Some(stem)) => stem.to_owned(),
        _ => part.to_owned(),
    };
    let words = part.split(|c: char| !c.is_ascii_alphanumeric());
    words.map(capitalized).collect()
}

/// A part of a path as a verb: `rotate-secret` becomes `rotateSecret`.
fn verb(part: &str) -> String {
    let mut letters = noun(part, false);
    if let Some(first) = letters.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    letters
}

fn capitalized(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_method_and_path() {
        let table = [
            ("get", "/v1/videos", "listVideos"),
            ("post", "/v1/videos", "createVideo"),
            ("get", "/v1/videos/{id}", "getVideo"),
            ("patch", "/v1/videos/{id}", "updateVideo"),
            ("delete", "/v1/videos/{id}", "deleteVideo"),
            ("post", "/v1/videos/delete", "deleteVideos"),
            ("post", "/v1/videos/{id}/retry", "retryVideo"),
            ("get", "/v1/videos/{id}/events", "listVideoEvents"),
            ("post", "/v1/videos/{id}/playback-tokens", "createVideoPlaybackToken"),
            ("put", "/v1/videos/{id}/poster", "setVideoPoster"),
            ("put", "/v1/videos/{id}/text-tracks/{lang}", "setVideoTextTrack"),
            ("delete", "/v1/videos/{id}/text-tracks/{lang}", "deleteVideoTextTrack"),
            ("get", "/v1/videos/{id}/download", "getVideoDownload"),
            ("post", "/v1/upload-grants", "createUploadGrant"),
            ("post", "/v1/uploads/{video_id}/{upload_id}/complete", "completeUpload"),
            ("post", "/v1/uploads/{video_id}/{upload_id}/parts", "createUploadPart"),
            ("delete", "/v1/uploads/{video_id}/{upload_id}", "deleteUpload"),
            ("post", "/v1/session", "createSession"),
            ("delete", "/v1/session", "deleteSession"),
            ("delete", "/v1/sessions", "deleteSessions"),
            ("post", "/v1/webhooks/{id}/rotate-secret", "rotateSecretWebhook"),
            ("get", "/v1/webhooks/{id}/deliveries", "listWebhookDeliveries"),
            ("post", "/v1/webhooks/{id}/deliveries/{delivery}/replay", "replayWebhookDelivery"),
            ("get", "/v1/system", "getSystem"),
            ("get", "/metrics", "getMetrics"),
            ("get", "/play/{id}/main.m3u8", "getPlayMainM3u8"),
            ("get", "/play/{id}/{attempt}/{file}", "getPlayAttemptFile"),
        ];
        for (method, path, expected) in table {
            assert_eq!(operation_id(method, path), expected, "{method} {path}");
        }
    }
}
