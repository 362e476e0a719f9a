// It registers itself with Video.js, and nothing of it is called.
declare module "@videojs/http-streaming";
