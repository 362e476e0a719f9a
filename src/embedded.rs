//! The S3 server and its storage that stand in for AWS.
