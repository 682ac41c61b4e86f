/** Which of its faces the gateway shows on a socket. */
export type Plane = 'public' | 'admin' | 'metrics';
