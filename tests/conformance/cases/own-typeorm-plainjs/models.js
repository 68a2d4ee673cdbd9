const typeorm = require('typeorm');
class User {}
const shared = () => ({ created: { type: 'timestamptz', createDate: true, default: () => 'CURRENT_TIMESTAMP' } });
const userSchema = { name: 'User', target: User, tableName: 'js_users', columns: Object.assign({ id: { primary: true, type: 'bigint', generated: 'increment' }, email: { type: 'varchar', length: 320 } }, shared()), indices: [{ name: 'js_email', unique: true, columns: ['email'] }] };
const PetSchema = new typeorm.EntitySchema({ name: 'Pet', columns: { id: { primary: true, type: 'uuid', generated: 'uuid' }, kind: { type: 'simple-enum', enum: ['cat', 'dog'] } }, relations: { owner: { type: 'many-to-one', target: 'User', joinColumn: { name: 'owner_id' }, onDelete: 'cascade', nullable: false } } });
module.exports = { User, UserSchema: new typeorm.EntitySchema(userSchema), PetSchema };
