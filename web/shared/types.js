/**
 * The shapes of the service that the page relies on; schemas/ holds them whole.
 *
 * @typedef {{id: string, handle: string, display_name: string, demo: boolean}} Account
 * @typedef {{relation: string, video_ids: string[], strength?: number|null}} Source
 * @typedef {{phrase: string, name: string, picture: string, score: number, picked: boolean}} UnderstoodSubject
 * @typedef {{
 *   subjects: UnderstoodSubject[], place: string|null, time: string|null, motion: string|null, camera: string|null,
 *   style: string|null, weather: string|null, missed: string[],
 * }} Understood
 * @typedef {{picture: string, name: string}} Candidate
 * @typedef {{phrase: string, candidates: Candidate[]}} SubjectChoice
 * @typedef {{understood: Understood|null, choices: SubjectChoice[], rules: {rule: string, summary: string}[]}} PromptUnderstood
 * @typedef {{id: string, name: string, picture: string, tones: string[], score: number|null}} PictureCard
 * @typedef {{
 *   id: string, status: "queued"|"in_progress"|"completed"|"failed"|"cancelled", progress: number, prompt: string,
 *   model: string, size: string, seconds: string, tier: "preview"|"full", seed: number, created_at: number,
 *   cost: {credits: number, cpu_seconds: number|null}, queue: {position: number, eta_ms: number}|null,
 *   error: {code: string, message: string}|null, fidelity: number|null, cameos: string[], source: Source|null,
 *   post_id: string|null, swarm: {id: string, video_ids: string[]}, links: {events: string},
 *   tombstone: {reason: string}|null, recipe: {understood?: Understood|null},
 * }} Video
 * @typedef {{
 *   id: string, video: Video, caption: string, author: Account, trend_id: string, source_post_id: string|null,
 *   closeness: {source: number|null, root: number|null}, likes: number, remixes: number, liked: boolean,
 * }} Post
 * @typedef {{op: "keep"|"add"|"remove", text: string}} DiffPart
 * @typedef {{
 *   trend: {id: string, prompt: string, posts: number, contributors: number},
 *   lane: {items: Post[], cursor: string|null}, why: string,
 * }} FeedItem
 * @typedef {{id: string, handle: string, owner: string, display_name: string, audience: string, status: string, has_reference: boolean}} Cameo
 * @typedef {{
 *   id: string, cameo_id: string, cameo_name: string, grantee: string, status: string,
 *   scope: {prompt: string|null, post: boolean, uses: number|null, until: number|null}, message: string|null,
 * }} Grant
 */
export {};
